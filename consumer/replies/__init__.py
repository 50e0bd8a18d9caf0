"""What users say back: read, granted, answered.  What is no command of ours belongs to the application.

asked       what may be asked (plain values); reading makes them of texts (pure)
wishes      what is set in the host's own columns
answering   what is done in our own tables: stops, and letters that answer
viewing     which match a 查看 means (pure); seen reads them; texts has the words
forwarding  the room that tells the application the rest
welcome     the room that greets who comes in
"""
