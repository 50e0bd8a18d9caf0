"""What users say back: read, granted, answered.  What is no command of ours belongs to the application."""
