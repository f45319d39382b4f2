package servers

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Parts of the kernel's messages about sockets (linux/inet_diag.h).
const (
	diagByFamily  = 20 // the type of a request, and of each of its answers
	diagRequest   = 56 // bytes of a request without its header
	diagAnswer    = 72 // bytes of an answer without its header, at least
	diagStates    = 4  // where a request says which states it asks for
	diagPort      = 4  // where an answer has the port, in the network's order
	diagReceived  = 56 // where it has the receive queue: of a listening socket, connections that nobody accepted yet
	listenState   = 10 // TCP_LISTEN
	diagBuffer    = 64 << 10
	diagPatience  = time.Second
	diagHeaderLen = unix.NLMSG_HDRLEN
)

// listenQueues are the connections that wait to be accepted, by port, of all TCP sockets that listen in this
// network namespace. It asks for these sockets alone: /proc/net/tcp would list every connection as well.
func listenQueues() (map[int]int, error) {
	socket, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("asking for the listen queues: %w", err)
	}
	defer unix.Close(socket)
	patience := unix.NsecToTimeval(diagPatience.Nanoseconds())
	if err := unix.SetsockoptTimeval(socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &patience); err != nil {
		return nil, fmt.Errorf("asking for the listen queues: %w", err)
	}
	queues := map[int]int{}
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		if err := unix.Sendto(socket, queueRequest(family), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
			return nil, fmt.Errorf("asking for the listen queues: %w", err)
		}
		if err := readQueues(socket, queues); err != nil {
			return nil, fmt.Errorf("reading the listen queues: %w", err)
		}
	}
	return queues, nil
}

// queueRequest is a request for the listening TCP sockets of a family of addresses.
func queueRequest(family byte) []byte {
	request := make([]byte, diagHeaderLen+diagRequest)
	order := binary.NativeEndian
	order.PutUint32(request[0:], uint32(len(request)))
	order.PutUint16(request[4:], diagByFamily)
	order.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	body := request[diagHeaderLen:]
	body[0], body[1] = family, unix.IPPROTO_TCP
	order.PutUint32(body[diagStates:], 1<<listenState)
	return request
}

// readQueues adds the answers to one request. Sockets that share a port are added up.
func readQueues(socket int, queues map[int]int) error {
	buffer := make([]byte, diagBuffer)
	for {
		n, _, err := unix.Recvfrom(socket, buffer, 0)
		if err != nil {
			return err
		}
		for rest := buffer[:n]; len(rest) >= diagHeaderLen; {
			length := int(binary.NativeEndian.Uint32(rest))
			if length < diagHeaderLen || length > len(rest) {
				return errors.New("the kernel sent half a message")
			}
			body := rest[diagHeaderLen:length]
			switch binary.NativeEndian.Uint16(rest[4:]) {
			case unix.NLMSG_DONE:
				return nil
			case unix.NLMSG_ERROR:
				return errors.New("the kernel refused the request")
			case diagByFamily:
				if len(body) >= diagAnswer {
					port := int(binary.BigEndian.Uint16(body[diagPort:]))
					queues[port] += int(binary.NativeEndian.Uint32(body[diagReceived:]))
				}
			}
			rest = rest[min(len(rest), (length+3)&^3):]
		}
	}
}
