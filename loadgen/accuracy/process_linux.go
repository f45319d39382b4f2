package accuracy

import (
	"os/exec"
	"syscall"
)

// dieWithParent makes the kernel kill a child whose parent has ended.
func dieWithParent(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
