"""One suite, several adapters: fakes earn their trust here."""
