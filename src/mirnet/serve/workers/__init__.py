"""Worker processes: started and watched by the server, or run inside one."""
