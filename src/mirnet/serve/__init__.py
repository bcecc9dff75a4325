"""A page and an HTTP API: restoration as a service, on this machine or for others.

The server process never touches a picture: it streams bodies to disk, keeps the queue and answers.
Pictures are opened, restored and written by worker processes (`worker`), which may die.
"""
