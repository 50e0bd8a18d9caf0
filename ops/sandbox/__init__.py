"""A small WeChat on this machine: the same calls, the same rules, a phone to read the messages on."""
