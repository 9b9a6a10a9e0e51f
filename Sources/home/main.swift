// home: to be written.
