"""The KF client: what WeChat is told, and what its answers mean.

errcodes   what each error code means; errtable is its data (pure)
attempt    one attempt to send, as a flow of wishes (pure)
client     drives the flow
calls      a call that needs the token, made once
syncing    asks for pages of what happened (sync_msg); states, for who holds a conversation
media      uploads a file (media/upload)
token      the access token, fetched rarely; shelf shares it between processes
transport  bytes over HTTP, once; port is its shape
"""
