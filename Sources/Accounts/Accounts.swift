// Accounts: to be written.
