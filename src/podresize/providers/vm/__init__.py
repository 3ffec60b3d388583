"""A local cluster whose node is in a virtual machine: a kernel, a cgroup version of choice."""
