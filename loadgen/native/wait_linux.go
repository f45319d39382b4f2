package native

import (
	"encoding/binary"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// waiter waits for sockets and for times. The kernel's timers are exact to microseconds on
// request (Go's runtime and epoll_wait round to milliseconds); what remains is the time a
// sleeping core takes to wake up.
type waiter struct {
	epoll  int
	event  int // eventfd: somebody wants the shard to wake up
	timer  int // timerfd, if epoll_pwait2 is missing; otherwise -1
	coarse bool

	waiting   Timer
	usual     time.Duration // how long waits have taken of late, up to longWait
	overshoot time.Duration // a high quantile of how late the shard wakes up, learned
}

const (
	wakeEvent  = -1 // Fd of the eventfd's events
	timerEvent = -2
)

// The longest time a shard polls rather than sleeps until a due time: the limit on what a badly
// learned overshoot can cost.
const (
	firstOvershoot = 60 * time.Microsecond
	maxOvershoot   = 150 * time.Microsecond
)

func (w *waiter) init() error {
	w.epoll, w.event, w.timer = -1, -1, -1
	w.overshoot, w.usual = firstOvershoot, longWait
	var err error
	if w.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if w.event, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return err
	}
	if err := w.watch(w.event, wakeEvent); err != nil {
		return err
	}
	if !hasPwait2(w) {
		if w.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err != nil {
			w.timer, w.coarse = -1, true
			return nil
		}
		return w.watch(w.timer, timerEvent)
	}
	return nil
}

// hasPwait2 reports whether the kernel has epoll_pwait2: Linux since 5.11, unless a sandbox
// forbids it. A test replaces it.
var hasPwait2 = func(w *waiter) bool {
	_, errno := w.pwait2(nil, &unix.Timespec{})
	return errno != unix.ENOSYS && errno != unix.EPERM
}

func (w *waiter) watch(fd int, as int32) error {
	return unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: as})
}

func (w *waiter) close() {
	for _, fd := range []int{w.epoll, w.event, w.timer} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
}

// wake wakes the shard up. It may be called from any goroutine.
func (w *waiter) wake() {
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	_, _ = unix.Write(w.event, one[:])
}

// drain empties the eventfd.
func (w *waiter) drain() {
	var count [8]byte
	_, _ = unix.Read(w.event, count[:])
}

// HasCore reports whether this process may run on a core.
func HasCore(core int) bool {
	var all unix.CPUSet
	return unix.SchedGetaffinity(0, &all) != nil || all.IsSet(core)
}

// settle makes this thread wake up on time, on the core it was given, and returns the function
// that makes it ordinary again.
func (w *waiter) settle(e Engine, shard int) func() {
	w.waiting = e.Timer
	var was unix.CPUSet
	pinned := len(e.Pin) > 0 && unix.SchedGetaffinity(0, &was) == nil
	if pinned {
		var only unix.CPUSet
		only.Set(e.Pin[shard%len(e.Pin)])
		pinned = unix.SchedSetaffinity(0, &only) == nil
	}
	// The kernel may delay a thread's timers by its slack, 50 µs by default.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	return func() {
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 0, 0, 0, 0)
		if pinned {
			_ = unix.SchedSetaffinity(0, &was)
		}
	}
}

// wait fills the shard's events with what has happened, waiting for something to happen at most
// until the given time, and less if that is far away.
func (w *waiter) wait(s *shard, now, until time.Duration) (int, error) {
	until = min(until, now+longestBlock)
	for {
		n, errno := 0, syscall.Errno(0)
		left := until - now
		switch {
		case left <= 0 || w.polls(s, now, until):
			n, errno = w.pollOnce(s.events)
			if later := s.now(); left > 0 {
				if !s.proving {
					s.rec.Spun(later - now)
				}
				if n == 0 && errno == 0 && later < until && !s.stopped.Load() {
					now = later
					continue
				}
			}
		case w.hybrid(s) && s.nextDue == until && left > w.overshoot:
			target := until - w.overshoot
			if n, errno = w.block(s.events, target-now); n == 0 && errno == 0 {
				w.learn(s.now() - target)
			}
		default:
			n, errno = w.blockOrYield(s, left)
			w.usual += (min(s.now()-now, longWait) - w.usual) / 8
		}
		switch errno {
		case 0:
			return n, nil
		case unix.EINTR:
			return 0, nil
		}
		return 0, errno
	}
}

// hybrid reports whether there is a core for polling.
func (w *waiter) hybrid(s *shard) bool {
	return w.waiting == Hybrid || w.waiting == Auto && s.spare.Load()
}

// polls reports whether to poll rather than sleep: when a request is due so soon that a sleep
// would end late, or a response is likely to come so soon that the core's wake-up would count
// as the server's time.
func (w *waiter) polls(s *shard, now, until time.Duration) bool {
	if w.waiting == Spin {
		return true
	}
	if !w.hybrid(s) {
		return until-now < worthPolling
	}
	if s.nextDue == until && until-now <= w.overshoot {
		return true
	}
	return s.busy.last != nil && now-s.busy.last.sent < responseSoon
}

// blockOrYield waits for a socket. Where nothing falls due and the next response has usually come within less than
// it takes to go to sleep and to wake up, the core is first left to whoever wants it, which is the server if they
// share it: then responses are read several at a time. Without that, two nginx workers and bench on two cores
// switched 45,000 times a second and left 9 % of them idle, where wrk, which never slept, switched 1,700 times; static
// files came at 0.85 times wrk's rate, and at 0.94 since.
func (w *waiter) blockOrYield(s *shard, left time.Duration) (int, syscall.Errno) {
	if s.nextDue == never && w.usual < worthPolling {
		_, _, _ = syscall.RawSyscall(unix.SYS_SCHED_YIELD, 0, 0, 0) // cannot fail
		if n, errno := w.pollOnce(s.events); n > 0 || errno != 0 {
			return n, errno
		}
	}
	return w.block(s.events, left)
}

// longWait is a wait after which the next one is expected to be long, too.
const longWait = 100 * time.Microsecond

// worthPolling is a wait so short that polling through it costs no more than going to sleep and
// waking up: the wake-up of an idle virtual core was measured to cost 10 to 15 µs. (Spinning
// for the cost of the switch costs at most twice the best choice: Karlin et al., "Empirical
// studies of competitive spinning", SOSP 1991.)
const worthPolling = 15 * time.Microsecond

// responseSoon is how long after the last send a response is polled for.
const responseSoon = 150 * time.Microsecond

// learn follows a high quantile of how late the thread wakes up: up fast, down slowly
// (stochastic approximation; Robbins and Monro 1951).
func (w *waiter) learn(late time.Duration) {
	const step = 2 * time.Microsecond
	if late > w.overshoot {
		w.overshoot = min(maxOvershoot, w.overshoot+20*step)
	} else {
		w.overshoot = max(step, w.overshoot-step)
	}
}

func (w *waiter) pollOnce(events []unix.EpollEvent) (int, syscall.Errno) {
	return w.pwait(events, 0)
}

// longestBlock bounds a wait in the kernel, should the signal that is to end it not come: see block.
const longestBlock = 100 * time.Millisecond

// block waits in the kernel, and does not notify Go's scheduler of it. Its thread keeps its processor (in the
// scheduler's terms), for which hold makes another one; a stop of the world and a preemption end the wait
// by their signal, or the wait ends itself after longestBlock (GODEBUG=asyncpreemptoff=1). Notified, the
// scheduler took the processor away at almost every response that took longer than 20 µs and was woken up to
// do so: at 1,800 responses a second, 42 to 55 µs of CPU time for each instead of 25 to 33.
func (w *waiter) block(events []unix.EpollEvent, d time.Duration) (int, syscall.Errno) {
	switch {
	case w.coarse:
		return w.pwait(events, int((d+time.Millisecond-1)/time.Millisecond))
	case w.timer >= 0:
		spec := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
		if err := unix.TimerfdSettime(w.timer, 0, &spec, nil); err != nil {
			return 0, err.(syscall.Errno)
		}
		return w.pwait(events, -1)
	}
	spec := unix.NsecToTimespec(int64(d))
	return w.pwait2(events, &spec)
}

func (w *waiter) pwait2(events []unix.EpollEvent, timeout *unix.Timespec) (int, syscall.Errno) {
	if len(events) == 0 {
		events = make([]unix.EpollEvent, 1)
	}
	return counted(syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT2,
		uintptr(w.epoll), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)),
		uintptr(unsafe.Pointer(timeout)), 0, 0))
}

// pwait waits at most this number of milliseconds; a negative one: without end.
func (w *waiter) pwait(events []unix.EpollEvent, ms int) (int, syscall.Errno) {
	return counted(syscall.RawSyscall6(syscall.SYS_EPOLL_PWAIT,
		uintptr(w.epoll), uintptr(unsafe.Pointer(unsafe.SliceData(events))), uintptr(len(events)), uintptr(ms), 0, 0))
}

func counted(n, _ uintptr, errno syscall.Errno) (int, syscall.Errno) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}
