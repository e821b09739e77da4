package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"extranet/portal"
	"extranet/portal/host"
)

// MailOptions say how mail leaves the house. Without an SMTP server each mail is a file in a folder.
type MailOptions struct {
	SMTP     string // smtp://USER:PASSWORD@HOST:PORT, with STARTTLS, or smtps://… ; "" = files
	From     string // the sender's address, with a name or without
	FromName string // when From has none and the host's staff have set none
	Folder   string // where mail is kept as .eml files when there is no server

	Say     func(language string, s portal.Saying) string // in the language that somebody chose, "" = none; nil = English
	BaseURL string                                        // of the portal, put before each path
}

// A Postman sends the mail that waits. Several may work at once.
type Postman struct {
	db    *portal.DB
	board *host.Board
	o     MailOptions
	from  string
	smtp  *mail.Client
	log   *slog.Logger
}

// smtpTimeout bounds one conversation with the server.
const smtpTimeout = 30 * time.Second

// NewPostman checks the options.
func NewPostman(db *portal.DB, o MailOptions, log *slog.Logger) (*Postman, error) {
	p := &Postman{db: db, board: host.NewBoard(db), o: o, log: log}
	probe := mail.NewMsg()
	if err := probe.From(o.From); err != nil {
		return nil, fmt.Errorf("the sender %q is not a mail address", o.From)
	}
	p.from = o.From
	if o.SMTP == "" {
		if err := os.MkdirAll(o.Folder, 0o700); err != nil {
			return nil, fmt.Errorf("a folder for mail: %w", err)
		}
		return p, nil
	}
	u, err := url.Parse(o.SMTP)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("the SMTP server must look like smtp://USER:PASSWORD@HOST:587")
	}
	options := []mail.Option{mail.WithTimeout(smtpTimeout)}
	switch {
	case u.Scheme == "smtps":
		options = append(options, mail.WithSSLPort(false))
	case u.Query().Get("tls") == "none": // a relay on the same machine
		options = append(options, mail.WithTLSPolicy(mail.NoTLS))
	default:
		options = append(options, mail.WithTLSPortPolicy(mail.TLSMandatory))
	}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		options = append(options, mail.WithPort(port))
	}
	if password, ok := u.User.Password(); ok {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(u.User.Username()), mail.WithPassword(password))
	}
	if p.smtp, err = mail.NewClient(u.Hostname(), options...); err != nil {
		return nil, fmt.Errorf("preparing the SMTP server: %w", err)
	}
	return p, nil
}

// lookEvery is how long mail waits for the next look.
const lookEvery = time.Second

// Run sends mail until ctx ends. One that is being sent then is finished.
func (p *Postman) Run(ctx context.Context) error {
	var swept time.Time
	for {
		if _, err := p.SendAll(ctx); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "mail cannot be sent; it is tried again", "err", err)
		}
		if time.Since(swept) > time.Hour {
			swept = time.Now()
			if err := p.db.AsWorker(ctx, "mail", func(tx *portal.Tx) error { return portal.SweepMail(ctx, tx) }); err != nil && ctx.Err() == nil {
				p.log.WarnContext(ctx, "sweeping mail failed", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookEvery):
		}
	}
}

// SendAll sends what waits, and returns how many were tried.
func (p *Postman) SendAll(ctx context.Context) (tried int, err error) {
	name := p.o.FromName
	if h, err := p.board.All(ctx); err == nil {
		name = cmp.Or(h.Branding.Name, name)
	}
	for found := true; found && ctx.Err() == nil; {
		err = p.db.AsWorker(context.WithoutCancel(ctx), "mail", func(tx *portal.Tx) (err error) {
			found, err = portal.SendNext(ctx, tx, func(l portal.Letter) error {
				err := p.send(context.WithoutCancel(ctx), l, name)
				if err != nil {
					p.log.WarnContext(ctx, "mail was not sent", "mail", l.ID, "tries", l.Tries+1, "err", hideAddress(err, l.To))
				}
				return err
			})
			return err
		})
		if err != nil {
			return tried, err
		}
		if found {
			tried++
		}
	}
	return tried, nil
}

// hideAddress keeps the receiver out of the log.
func hideAddress(err error, address string) string {
	return strings.ReplaceAll(err.Error(), address, "…")
}

// message is the letter as it goes over the wire, from the host of that name. Its id is the letter's own: one sent twice is recognised.
func (p *Postman) message(l portal.Letter, name string) (*mail.Msg, error) {
	m := mail.NewMsg()
	if strings.Contains(p.from, "<") {
		if err := m.From(p.from); err != nil {
			return nil, err
		}
	} else if err := m.FromFormat(name, p.from); err != nil {
		return nil, err
	}
	if err := m.To(l.To); err != nil {
		return nil, errors.Join(portal.ErrNotMailed, err)
	}
	say := p.o.Say
	if say == nil {
		say = func(_ string, s portal.Saying) string { return s.String() }
	}
	m.Subject(portal.OneLine(say(l.Language, l.Subject)))
	m.SetDateWithValue(l.PostedAt)
	domain := "localhost"
	if u, err := url.Parse(p.o.BaseURL); err == nil && u.Hostname() != "" {
		domain = u.Hostname()
	}
	m.SetMessageIDWithValue(l.ID.String() + "@" + domain)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no answer of a machine's, please
	text := ""
	for i, paragraph := range l.Text {
		if i > 0 {
			text += "\n"
		}
		text += strings.TrimRight(say(l.Language, paragraph), "\n") + "\n"
	}
	if l.Path != "" {
		text += "\n" + p.o.BaseURL + l.Path + "\n"
	}
	m.SetBodyString(mail.TypeTextPlain, text)
	return m, nil
}

func (p *Postman) send(ctx context.Context, l portal.Letter, name string) error {
	m, err := p.message(l, name)
	if err != nil {
		return err
	}
	if p.smtp == nil {
		return p.file(l, m)
	}
	err = p.smtp.DialAndSendWithContext(ctx, m)
	if e, ok := errors.AsType[*mail.SendError](err); ok && !e.IsTemp() && e.ErrorCode() >= 550 && e.ErrorCode() < 560 {
		return errors.Join(portal.ErrNotMailed, err) // the receiver itself; a server that will not have us may change its mind
	}
	return err
}

// file puts the letter into the folder, whole or not at all.
func (p *Postman) file(l portal.Letter, m *mail.Msg) error {
	f, err := os.CreateTemp(p.o.Folder, ".coming-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = m.WriteTo(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(p.o.Folder, l.PostedAt.UTC().Format("20060102-150405-")+l.ID.String()+".eml"))
}
