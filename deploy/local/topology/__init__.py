"""The cluster topology as processes on this machine. `up` and `ctl` beside this folder use it."""
