"""Files of messages: found below one folder, uploaded once, kept alive.

folder   finds and reads them, and lets none escape its folder
shelf    the table ``kf_media``: which bytes have which media_id until when, and who is uploading what
keeper   the room that keeps alive what templates name
"""
