"""Facts come in: matches from the application, words from WeChat."""
