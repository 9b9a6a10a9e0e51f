// Sodium: to be written.
