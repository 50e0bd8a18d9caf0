"""WeChat's callback: it says that there is something to pull, and is answered at once."""
