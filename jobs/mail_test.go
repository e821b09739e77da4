package jobs_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"strings"
	locks "sync"
	"testing"
	"time"

	"extranet/jobs"
	"extranet/portal"
	"extranet/portal/portaltest"
)

func postman(t *testing.T, p *portaltest.Portal, o jobs.MailOptions) *jobs.Postman {
	t.Helper()
	o.From, o.FromName, o.BaseURL = "portal@host.example", "Hosting Tyres", "https://portal.example"
	m, err := jobs.NewPostman(p.DB, o, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sendAll(t *testing.T, m *jobs.Postman, want int) {
	t.Helper()
	if n, err := m.SendAll(t.Context()); err != nil || n != want {
		t.Errorf("SendAll = %d, %v; want %d", n, err, want)
	}
}

func letters(t *testing.T, folder string) (all []*netmail.Message, raw []string) {
	t.Helper()
	names, _ := filepath.Glob(filepath.Join(folder, "*"))
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := netmail.ReadMessage(strings.NewReader(string(b)))
		if err != nil || !strings.HasSuffix(name, ".eml") {
			t.Fatalf("%s is no mail: %v", name, err)
		}
		all, raw = append(all, m), append(raw, string(b))
	}
	return all, raw
}

// TestMail_isAFileWithoutAServer: what is committed is sent once with the portal's address before its path; what was undone never is.
func TestMail_isAFileWithoutAServer(t *testing.T) {
	t.Parallel()
	p, folder := portaltest.New(t), t.TempDir()
	m := postman(t, p, jobs.MailOptions{Folder: folder})
	by := portaltest.As(portaltest.Acme)
	undone := errors.New("undone")
	for _, end := range []error{nil, undone} {
		err := p.Do(t.Context(), by, func(tx *portal.Tx) error {
			must(t, tx.Mail(t.Context(), portal.Mail{To: "dana@acme.example", Subject: portal.Quote("Order 4711\r\nBcc: thief@evil.example\r\n\r\nÜber"), Text: []portal.Saying{portal.Quote("It left.\n.\nÜber alles.")}, Path: "/orders/4711"}))
			return end
		})
		if !errors.Is(err, end) {
			t.Fatal(err)
		}
	}
	sendAll(t, m, 1)
	sendAll(t, m, 0)
	all, raw := letters(t, folder)
	if len(all) != 1 {
		t.Fatalf("%d letters, want 1", len(all))
	}
	h := all[0].Header
	if len(h["Bcc"]) != 0 || h.Get("To") != "<dana@acme.example>" || !strings.Contains(h.Get("From"), "portal@host.example") || h.Get("Message-Id") == "" {
		t.Errorf("headers %v", h)
	}
	if !strings.Contains(raw[0], "https://portal.example/orders/4711") {
		t.Errorf("the page is not named:\n%s", raw[0])
	}
	var said string
	must(t, p.Owner.QueryRow(`SELECT state || content || path FROM mails`).Scan(&said))
	if said != "sent" {
		t.Errorf("what was said is kept: %q", said)
	}
	// A partner writes mail and reads none.
	if err := p.Do(t.Context(), by, func(tx *portal.Tx) error { _, err := tx.Exec(t.Context(), `SELECT content FROM mails`); return err }); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("a partner reads mail: %v", err)
	}
	if err := p.Do(t.Context(), by, func(tx *portal.Tx) error {
		return tx.MailFor(t.Context(), portaltest.Brock, portal.Mail{To: "a@b.example", Subject: portal.Quote("x")})
	}); err == nil {
		t.Error("a partner writes mail for another")
	}
}

// TestMail_toNobody spoils nothing: an address that is none is remembered as that, and a path that leads away is a mistake of ours.
func TestMail_toNobody(t *testing.T) {
	t.Parallel()
	p, folder := portaltest.New(t), t.TempDir()
	bad := []string{"", "nobody", "a@b.example, c@d.example", "a@b.example\r\nBcc: x@y.example", "Dana <a@b.example>", "<a@b.example>", "ä@b.example", "a b@c.example"}
	must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme), func(tx *portal.Tx) error {
		for _, to := range bad {
			must(t, tx.Mail(t.Context(), portal.Mail{To: to, Subject: portal.Quote("x"), Text: []portal.Saying{portal.Quote("secret")}}))
		}
		for _, path := range []string{"https://evil.example/", "//evil.example", "x", "/a\nb"} {
			if tx.Mail(t.Context(), portal.Mail{To: "a@b.example", Path: path}) == nil {
				t.Errorf("the path %q is taken", path)
			}
		}
		return nil
	}))
	sendAll(t, postman(t, p, jobs.MailOptions{Folder: folder}), 0)
	var n int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM mails WHERE state = 'given_up' AND fault IS NOT NULL AND content = ''`).Scan(&n))
	if n != len(bad) {
		t.Errorf("%d mails are given up, want %d", n, len(bad))
	}
}

// TestMail_waitsForItsServer: a server that is away or busy is asked again, later each time; one that refuses the receiver is not.
func TestMail_waitsForItsServer(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	server := &smtpServer{answer: "451 later"}
	m := postman(t, p, jobs.MailOptions{SMTP: "smtp://" + server.start(t) + "?tls=none"})
	must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme), func(tx *portal.Tx) error {
		return tx.Mail(t.Context(), portal.Mail{To: "dana@acme.example", Subject: portal.Quote("Hello"), Text: []portal.Saying{portal.Quote("Hi")}})
	}))
	sendAll(t, m, 1)
	sendAll(t, m, 0) // it waits
	p.Pass(10 * time.Second)
	sendAll(t, m, 1)
	p.Pass(10 * time.Second)
	sendAll(t, m, 0) // longer than before
	server.set("250 ok")
	p.Pass(10 * time.Second)
	sendAll(t, m, 1)
	if got := server.received(); len(got) != 1 || !strings.Contains(got[0], "Subject: Hello") {
		t.Errorf("the server got %q", got)
	}
	server.set("550 no such user")
	must(t, p.Do(t.Context(), portaltest.As(portaltest.Acme), func(tx *portal.Tx) error {
		return tx.Mail(t.Context(), portal.Mail{To: "gone@acme.example", Subject: portal.Quote("Hello"), Text: []portal.Saying{portal.Quote("Hi")}})
	}))
	sendAll(t, m, 1)
	var state string
	must(t, p.Owner.QueryRow(`SELECT state FROM mails WHERE recipient = 'gone@acme.example'`).Scan(&state))
	if state != "given_up" {
		t.Errorf("mail to nobody is %s", state)
	}
}

// smtpServer takes mail, or says why not.
type smtpServer struct {
	mu     locks.Mutex
	answer string // to RCPT
	got    []string
}

func (s *smtpServer) set(answer string) { s.mu.Lock(); s.answer = answer; s.mu.Unlock() }

func (s *smtpServer) received() []string { s.mu.Lock(); defer s.mu.Unlock(); return s.got }

func (s *smtpServer) start(t *testing.T) string {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.talk(c)
		}
	}()
	return l.Addr().String()
}

func (s *smtpServer) talk(c net.Conn) {
	defer c.Close()
	fmt.Fprint(c, "220 test\r\n")
	in, body, data := bufio.NewScanner(c), "", false
	for in.Scan() {
		line := in.Text()
		if data {
			if line != "." {
				body += line + "\n"
				continue
			}
			data = false
			s.mu.Lock()
			s.got = append(s.got, body)
			s.mu.Unlock()
		}
		answer := "250 ok"
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "RCPT":
			s.mu.Lock()
			answer = s.answer
			s.mu.Unlock()
		case "DATA":
			answer, data = "354 go on", true
		case "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		}
		fmt.Fprint(c, answer+"\r\n")
	}
}
