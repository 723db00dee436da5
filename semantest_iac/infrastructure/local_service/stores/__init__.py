"""What answers on this machine for the tables and buckets of simulated clouds: servers that others have made.

They are processes of their own, started when a function is served that has a table or a bucket.
"""
