package jobs

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bench/fleet/link"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The roles of tokens.
const (
	User    = "user"    // adds jobs, and fetches what they left
	Machine = "machine" // carries them out
)

// Queue keeps jobs in a folder, and lets in the holders of its tokens.
type Queue struct {
	Dir     string
	Address string // by which others reach this machine
	// Users and Machines get a token each, in the folder Tokens, unless they have one already.
	Users, Machines []string
	// Keep is how long what is known of a job, and what it left, is kept.
	Keep time.Duration
	Beat time.Duration // as Worker.Beat
}

// Tokens is the folder of a queue's tokens.
func Tokens(dir string) string { return filepath.Join(dir, "tokens") }

// TokenFile is the file of a token.
func TokenFile(dir, name string) string { return filepath.Join(Tokens(dir), name+".json") }

// readyWithin is how long the engine may take to start, and to answer.
const readyWithin = 30 * time.Second

// Serve lets users and machines in until ctx ends. Once it does, it says on which address.
func (q Queue) Serve(ctx context.Context, ready func(address string)) (err error) {
	if err := os.MkdirAll(q.Dir, 0o700); err != nil {
		return fmt.Errorf("keeping jobs: %w", err)
	}
	if err := checkNames(q.Users, q.Machines); err != nil {
		return err
	}
	id, err := link.StoredIdentity(filepath.Join(q.Dir, "key.pem"))
	if err != nil {
		return err
	}
	listener, err := link.Listen(q.Address, id)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, listener.Close()) }()
	tokens, err := q.tokens(listener)
	if err != nil {
		return err
	}
	engine, err := q.start(ctx, tokens)
	if err != nil {
		return err
	}
	defer engine.WaitForShutdown()
	defer engine.Shutdown()
	go listener.Serve(tokens, func(_ link.Token, conn net.Conn) {
		if inside, err := engine.InProcessConn(); err == nil {
			link.Relay(inside, conn, conn)
			_ = inside.Close()
		}
	})
	ready(listener.Address())
	<-ctx.Done()
	return nil
}

// tokens are those of all users and machines, also of earlier times. Those that are new are written.
func (q Queue) tokens(l *link.Listener) (all []link.Token, err error) {
	for _, role := range []struct {
		name  string
		names []string
	}{{User, q.Users}, {Machine, q.Machines}} {
		for _, name := range role.names {
			if err := q.token(l, name, role.name); err != nil {
				return nil, err
			}
		}
	}
	files, err := filepath.Glob(TokenFile(q.Dir, "*"))
	for _, file := range files {
		t, err := link.ReadToken(file)
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, err
}

// queueName is the queue's own for the engine.
const queueName = "queue"

// checkNames refuses what cannot be the names of tokens.
func checkNames(users, machines []string) error {
	for _, name := range slices.Concat(users, machines) {
		if err := link.CheckName(name); err != nil {
			return err
		}
		if name == queueName || slices.Contains(users, name) && slices.Contains(machines, name) {
			return fmt.Errorf("%q is somebody else's name: want one for each user and each machine", name)
		}
	}
	return nil
}

// token makes a token for a name. One that is there keeps its password, and gets the address of now.
func (q Queue) token(l *link.Listener, name, role string) error {
	file, fresh := TokenFile(q.Dir, name), l.Token(name, role)
	if old, err := link.ReadToken(file); err == nil {
		if old.Role != role {
			return fmt.Errorf("%s is the name of a %s already (%s): want another name", name, old.Role, file)
		}
		fresh.Password = old.Password
	}
	return fresh.WriteFile(file)
}

// start starts the engine with its streams. It listens nowhere: connections are handed to it.
func (q Queue) start(ctx context.Context, tokens []link.Token) (*server.Server, error) {
	admin := link.Token{Name: queueName, Password: rand.Text()}
	users := []*server.User{{Username: admin.Name, Password: admin.Password}}
	for _, t := range tokens {
		users = append(users, &server.User{Username: t.Name, Password: t.Password, Permissions: permissions(t)})
	}
	engine, err := server.NewServer(&server.Options{
		ServerName: "bench", DontListen: true, NoLog: true, NoSigs: true, Users: users,
		PingInterval: beatEvery, MaxPingsOut: 2,
		JetStream: true, StoreDir: q.Dir, JetStreamMaxMemory: 64 << 20, SyncAlways: true, // jobs are few, and not to be lost
	})
	if err != nil {
		return nil, fmt.Errorf("making the queue: %w", err)
	}
	engine.Start()
	if !engine.ReadyForConnections(readyWithin) {
		err = errors.New("it is not ready")
	} else {
		err = q.prepare(ctx, engine, admin)
	}
	if err != nil {
		engine.Shutdown()
		engine.WaitForShutdown()
		return nil, fmt.Errorf("starting the queue in %s: %w", q.Dir, err)
	}
	return engine, nil
}

// prepare makes what is kept, unless it is there already.
func (q Queue) prepare(ctx context.Context, engine *server.Server, admin link.Token) error {
	conn, err := nats.Connect("", nats.InProcessServer(engine), nats.UserInfo(admin.Name, admin.Password))
	if err != nil {
		return err
	}
	defer conn.Close()
	js, err := jetstream.New(conn)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	queue, err := js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{
		Name: stream, Subjects: []string{subject}, Retention: jetstream.WorkQueuePolicy, MaxMsgs: 10_000,
		Discard: jetstream.DiscardNew, MaxMsgSize: 64 << 10,
	})
	if err == nil {
		_, err = queue.CreateOrUpdateConsumer(ctx, jetstream.ConsumerConfig{
			Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, AckWait: missed * cmp.Or(q.Beat, beatEvery),
		})
	}
	if err == nil {
		_, err = js.CreateOrUpdateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: records, TTL: q.Keep})
	}
	if err == nil {
		_, err = js.CreateOrUpdateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: results, TTL: q.Keep})
	}
	return err
}

// permissions are what the holder of a token may ask of the engine, and nothing else.
func permissions(t link.Token) *server.Permissions {
	const api = "$JS.API."
	own := inbox(t.Name) + ".>"
	allow := []string{
		api + "INFO", api + "STREAM.INFO.*", "$KV." + records + ".>",
		api + "DIRECT.GET.KV_" + records + ".>", api + "STREAM.MSG.GET.KV_" + records,
		api + "DIRECT.GET.OBJ_" + results + ".>", api + "STREAM.MSG.GET.OBJ_" + results,
	}
	of := map[string][]string{
		User: {
			subject, "$JS.FC.>",
			api + "CONSUMER.CREATE.KV_" + records + ".>", api + "CONSUMER.DELETE.KV_" + records + ".>",
			api + "CONSUMER.CREATE.OBJ_" + results + ".>", api + "CONSUMER.DELETE.OBJ_" + results + ".>",
		},
		Machine: {
			api + "CONSUMER.INFO." + stream + "." + consumer, api + "CONSUMER.MSG.NEXT." + stream + "." + consumer,
			"$JS.ACK." + stream + "." + consumer + ".>", "$O." + results + ".>", api + "STREAM.PURGE.OBJ_" + results,
		},
	}
	return &server.Permissions{
		Publish:   &server.SubjectPermission{Allow: slices.Concat(allow, of[t.Role])},
		Subscribe: &server.SubjectPermission{Allow: []string{own}},
	}
}

// inbox is where a client's questions are answered: nobody else hears that.
func inbox(name string) string { return "_INBOX_" + name }
