//go:build !linux

package accuracy

import "os/exec"

func dieWithParent(*exec.Cmd) {}
