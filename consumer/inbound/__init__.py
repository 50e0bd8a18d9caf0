"""What happens at KF accounts comes in: pulled page by page, each page's effects and its cursor together.

puller    the room: whose turn it is, and who failed lately
pull      one pull of one account, page after page, under its lease
heard     what a page's items mean (pure); talk, failures: what they do to windows and pushes (pure)
sessions  the host's session rows, in the application's database, before ours
effects   our own rows and the cursor, in one transaction
cursors   the table kf_cursors; inbox, the table kf_inbound
"""
