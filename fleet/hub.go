package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// How soon a silent peer counts as gone, for both sides: after pings of which none was answered.
const (
	pingEvery   = 500 * time.Millisecond
	mostPings   = 2
	readyWithin = 30 * time.Second
	// replyWithin bounds what takes long: making an environment on a host, say.
	replyWithin = 15 * time.Minute
)

// hub is the meeting point of one run: an embedded NATS server with a user for each worker, who may speak
// only for itself.
type hub struct {
	run     string
	server  *server.Server
	conn    *nats.Conn // of the hub itself
	system  *nats.Conn // where the engine says who is gone
	members []*member
}

// The accounts of the engine: one for the run, one for its own events.
const (
	runAccount    = "RUN"
	systemAccount = "SYS"
	hubUser       = "hub"
)

func newHub(names []string, dir string, live *live) (h *hub, err error) {
	h = &hub{run: strings.ToLower(rand.Text()[:12])}
	runs, sys, secret := server.NewAccount(runAccount), server.NewAccount(systemAccount), rand.Text()
	users := []*server.User{
		{Username: hubUser, Password: secret, Account: runs}, {Username: systemAccount, Password: secret, Account: sys},
	}
	for i, name := range names {
		m := newMember(h, i, name, dir, live)
		h.members = append(h.members, m)
		users = append(users, m.user(runs))
	}
	h.server, err = server.NewServer(&server.Options{
		ServerName: "bench", DontListen: true, NoLog: true, NoSigs: true, MaxPayload: mostBytes,
		Accounts: []*server.Account{runs, sys}, Users: users, SystemAccount: systemAccount,
		PingInterval: pingEvery, MaxPingsOut: mostPings,
	})
	if err != nil {
		return nil, fmt.Errorf("making the hub: %w", err)
	}
	h.server.Start()
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	if !h.server.ReadyForConnections(readyWithin) {
		return h, errors.New("starting the hub: it is not ready")
	}
	if h.conn, err = h.connect(hubUser, secret); err == nil {
		h.system, err = h.connect(systemAccount, secret)
	}
	for _, m := range h.members {
		if err == nil {
			err = m.listen()
		}
	}
	if err == nil {
		_, err = h.system.Subscribe("$SYS.ACCOUNT."+runAccount+".DISCONNECT", h.gone)
	}
	if err == nil {
		err = errors.Join(h.conn.Flush(), h.system.Flush())
	}
	return h, err
}

func (h *hub) connect(user, password string) (*nats.Conn, error) {
	stream, err := h.dial()
	if err != nil {
		return nil, fmt.Errorf("connecting to the hub: %w", err)
	}
	conn, err := connectOver(stream, user, password)
	if err != nil {
		return nil, fmt.Errorf("connecting to the hub: %w", err)
	}
	return conn, nil
}

// dial is a new connection to the hub, for whoever relays it to a worker.
func (h *hub) dial() (net.Conn, error) { return h.server.InProcessConn() }

func (h *hub) close() {
	for _, conn := range []*nats.Conn{h.conn, h.system} {
		if conn != nil {
			conn.Close()
		}
	}
	h.server.Shutdown()
	h.server.WaitForShutdown()
}

// user is what the engine knows of a worker: it may publish what it tells, hear what it is to do, and answer.
func (m *member) user(account *server.Account) *server.User {
	return &server.User{
		Username: m.token, Password: m.password, Account: account,
		Permissions: &server.Permissions{
			Publish:   &server.SubjectPermission{Allow: []string{subject(m.hub.run, m.token, "tell", "*")}},
			Subscribe: &server.SubjectPermission{Allow: []string{subject(m.hub.run, m.token, "do", "*"), inbox(m.token) + ".>"}},
			Response:  &server.ResponsePermission{MaxMsgs: 1, Expires: replyWithin},
		},
	}
}

// inbox is where a worker's own questions are answered.
func inbox(token string) string { return "_INBOX_" + token }

// listen hears what a worker tells, apart from all others: nobody waits for what another one has to say. The
// engine has checked that nobody else speaks on its subjects.
func (m *member) listen() error {
	_, err := m.hub.conn.Subscribe(subject(m.hub.run, m.token, "tell", "*"), func(msg *nats.Msg) {
		listener := heard[msg.Subject[strings.LastIndexByte(msg.Subject, '.')+1:]]
		if listener == nil {
			return
		}
		data, err := encode(answer{failureOf(listener(m, msg.Data))})
		if err == nil {
			_ = msg.Respond(data) // it asks again
		}
	})
	return err
}

// gone takes note of a connection that ended.
func (h *hub) gone(msg *nats.Msg) {
	var event server.DisconnectEventMsg
	if json.Unmarshal(msg.Data, &event) != nil {
		return
	}
	for _, m := range h.members {
		if event.Client.User == m.token {
			m.lose(fmt.Errorf("its connection ended (%s)", event.Reason))
		}
	}
}

// ask has a worker do something, and decodes its answer.
func ask[T any](ctx context.Context, m *member, what string, order any) (T, error) {
	return askWithin[T](ctx, readyWithin, m, what, order)
}

func askWithin[T any](
	ctx context.Context, within time.Duration, m *member, what string, order any,
) (value T, err error) {
	data, err := encode(order)
	if err != nil {
		return value, err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	stop := context.AfterFunc(m.life, cancel)
	defer stop()
	msg, err := m.hub.conn.RequestWithContext(ctx, subject(m.hub.run, m.token, "do", what), data)
	if m.life.Err() != nil {
		return value, context.Cause(m.life)
	}
	if err != nil {
		return value, fmt.Errorf("asking it to %s: %w", what, err)
	}
	if a, err := decode[answer](msg.Data); err != nil || a.Failure != nil {
		return value, errors.Join(err, a.Failure.err())
	}
	return decode[T](msg.Data)
}
