"""`./freshplan backup`: encrypted dumps with their uploaded files, proven by restoring them.

`container` is the form of a file, `facts` what must be equal after a restore, `dump` the way out of a database and into
one, `scratch` the database of a proof, `shelf` the folder with its rotation, `command` the three commands.
"""
