// The admin's command: serve a site, look after the database, print configuration.
Command.run(Array(CommandLine.arguments.dropFirst()))
