package partners_test

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"extranet/portal"
	"extranet/portal/partners"
	"extranet/portal/portaltest"
)

func TestMain(m *testing.M) { os.Exit(portaltest.Main(m)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wants checks the kind of an error; -1 is none.
func wants(t *testing.T, what string, err error, want portal.Kind) {
	t.Helper()
	if err == nil && want == -1 {
		return
	}
	if err == nil || portal.Says(err).Kind != want {
		t.Errorf("%s: %v, want kind %d", what, err, want)
	}
}

const issuer = "https://id.example"

// member enrols somebody and returns a caller as whom they act.
func member(t testing.TB, p *portaltest.Portal, partner int64, name string, roles ...string) portal.Caller {
	t.Helper()
	var id uuid.UUID
	must(t, p.AtTheDoor(context.Background(), func(tx *portal.Tx) (err error) {
		id, err = partners.Enrol(context.Background(), tx, partners.Enrolment{Issuer: issuer, Subject: name, Name: name, Email: name + "@x.example", PartnerID: partner, Roles: roles})
		return err
	}))
	by := portaltest.As(partner)
	by.PersonID, by.Name, by.Roles, by.Perms = id, name, roles, portal.PermissionsOf(roles, partner == portaltest.Host)
	if partner == portaltest.Acme || partner == portaltest.Brock {
		by.Perms &^= portal.OfSuppliers
	}
	return by
}

func start(t testing.TB, p *portaltest.Portal, s *partners.Sessions, by portal.Caller) string {
	t.Helper()
	var cookie string
	must(t, p.AtTheDoor(context.Background(), func(tx *portal.Tx) (err error) {
		cookie, _, err = s.Start(context.Background(), tx, partners.Proof{Issuer: issuer, Subject: by.Name}, partners.Person{ID: by.PersonID, Name: by.Name}, by.PartnerID, "test", "")
		return err
	}))
	return cookie
}

func follow(t *testing.T, p *portaltest.Portal) {
	t.Helper()
	must(t, p.AsWorker(t.Context(), "contacts", func(tx *portal.Tx) error { return partners.FollowContacts(t.Context(), tx) }))
}

func TestFollowContacts(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO contacts (partner_id, contact, name, email, may_log_on, changed_at) VALUES
		(2, 'c1', 'Dana', 'Dana@X.example', true, now()), (2, 'c2', 'Dana too', 'dana@x.example', true, now()), (3, 'c3', 'Other', 'ann@x.example', true, now())`)
	proof := partners.Proof{Issuer: issuer, Subject: "dana", Name: "Dana", Email: "dana@x.example"}
	admit := func() (partner int64, err error) {
		err = p.AtTheDoor(t.Context(), func(tx *portal.Tx) error {
			_, partner, err = partners.Admit(t.Context(), tx, proof, nil)
			return err
		})
		return partner, err
	}
	if partner, err := admit(); partner != portaltest.Acme || err != nil {
		t.Fatalf("a contact starts at %d, %v", partner, err)
	}
	member(t, p, portaltest.Acme, "ann", "viewer") // by the operator: no contact of this partner
	is := func(what string, want ...string) {
		t.Helper()
		var got []string
		rows, err := p.Owner.Query(`SELECT name FROM memberships WHERE ended_at IS NULL ORDER BY lower(name)`)
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var n string
			must(t, rows.Scan(&n))
			got = append(got, n)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: members %v, want %v", what, got, want)
		}
	}
	follow(t, p)
	is("nothing changed", "ann", "Dana")
	p.Arrange(t, `UPDATE contacts SET may_log_on = false WHERE contact = 'c1'`)
	follow(t, p)
	is("one of two contacts with the address remains", "ann", "Dana")
	p.Arrange(t, `DELETE FROM contacts WHERE contact = 'c2'`)
	follow(t, p)
	is("none remains", "ann")
	if _, err := admit(); !errors.Is(err, partners.NoAccess) {
		t.Errorf("signing in then: %v", err)
	}
	p.Arrange(t, `UPDATE contacts SET may_log_on = true WHERE contact = 'c1'`)
	follow(t, p)
	is("again", "ann", "Dana")
	p.Arrange(t, `UPDATE partners SET closed_at = now() WHERE partner_id = 2`)
	follow(t, p)
	is("closed")
	follow(t, p)
	p.Arrange(t, `UPDATE partners SET closed_at = NULL`)
	follow(t, p)
	is("open again", "ann", "Dana")
	// A contact who may not log on lets nobody in, not for a moment.
	p.Arrange(t, `INSERT INTO contacts (partner_id, contact, name, email, may_log_on, changed_at) VALUES (3, 'c5', 'Dana', 'dana@x.example', false, now())`)
	if _, err := admit(); err != nil {
		t.Error(err)
	}
	var granted int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM memberships WHERE partner_id = 3`).Scan(&granted))
	if granted != 0 {
		t.Error("a contact who may not log on was granted a membership")
	}
	// A token ends with its maker's membership for good.
	p.Arrange(t, `INSERT INTO tokens (partner_id, token_id, name, secret_hash, permissions, person_id, created_by, created_at, expires_at)
		SELECT 2, gen_random_uuid(), 'x', '', '{}', person_id, 'Dana', now(), now() FROM people WHERE name = 'Dana'`)
	p.Arrange(t, `UPDATE contacts SET may_log_on = false WHERE contact = 'c1'`)
	follow(t, p)
	p.Arrange(t, `UPDATE contacts SET may_log_on = true WHERE contact = 'c1'`)
	follow(t, p)
	is("gone and back", "ann", "Dana")
	var live int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM tokens WHERE revoked_at IS NULL`).Scan(&live))
	if live != 0 {
		t.Error("a token came back with its maker's membership")
	}
	// What people ended stays ended, whatever the core says.
	admin := member(t, p, portaltest.Acme, "zoe", "partner-admin", "buyer")
	var dana uuid.UUID
	must(t, p.Owner.QueryRow(`SELECT person_id FROM people WHERE name = 'Dana'`).Scan(&dana))
	must(t, p.Do(t.Context(), admin, func(tx *portal.Tx) error { return partners.EndMembership(t.Context(), tx, dana) }))
	follow(t, p)
	is("ended by the administrator", "ann", "zoe")
	if _, err := admit(); !errors.Is(err, partners.NoAccess) {
		t.Errorf("signing in then: %v", err)
	}
	is("still", "ann", "zoe")
	// A changed mail address takes its contacts along, and leaves those of the old one.
	p.Arrange(t, `INSERT INTO contacts (partner_id, contact, name, email, may_log_on, changed_at) VALUES (4, 'c4', 'Dana', 'dana@new.example', true, now())`)
	proof.Email = "dana@new.example"
	if partner, err := admit(); partner != portaltest.Cord || err != nil {
		t.Errorf("with a new address: %d %v", partner, err)
	}
	proof.Email = "ann@x.example" // is ann's
	p.Arrange(t, `INSERT INTO contacts (partner_id, contact, name, email, may_log_on, changed_at) VALUES (3, 'c6', 'Dana', 'dana@new.example', true, now())`)
	if partner, err := admit(); partner != portaltest.Cord || err != nil {
		t.Errorf("with another person's address: %d %v", partner, err)
	}
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM memberships WHERE partner_id = 3 AND person_id = $1`, dana).Scan(&granted))
	if granted != 0 {
		t.Error("a contact was granted to whom the issuer does not say has the address")
	}
	var mail string
	must(t, p.Owner.QueryRow(`SELECT email FROM people WHERE person_id = $1`, dana).Scan(&mail))
	if mail != "dana@new.example" {
		t.Errorf("the person's address became %s", mail)
	}
	for partner := range int64(4) {
		must(t, p.Do(t.Context(), portaltest.As(partner+1), func(tx *portal.Tx) error {
			_, err := portal.VerifyAudit(t.Context(), tx, partner+1)
			return err
		}))
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]*portaltest.Portal{"row security": portaltest.New(t), "the predicates alone": portaltest.NewWithoutRowSecurity(t)} {
		admin := member(t, p, portaltest.Acme, "zoe", "partner-admin", "viewer")
		viewer := member(t, p, portaltest.Acme, "vic", "viewer")
		other := member(t, p, portaltest.Brock, "bo", "partner-admin", "viewer")
		host := member(t, p, portaltest.Host, "hal", "administrator")
		do := func(by portal.Caller, f func(tx *portal.Tx) error) error { return p.Do(t.Context(), by, f) }
		var list []partners.Membership
		must(t, do(admin, func(tx *portal.Tx) (err error) { list, err = partners.People(t.Context(), tx); return err }))
		if len(list) != 2 || list[0].Name != "vic" || list[1].Email != "zoe@x.example" || list[0].PartnerNumber != "D100" {
			t.Errorf("%s: people of Acme: %+v", name, list)
		}
		wants(t, name+": a viewer lists", do(viewer, func(tx *portal.Tx) error { _, err := partners.People(t.Context(), tx); return err }), portal.Forbidden)
		end := func(by portal.Caller, person uuid.UUID) error {
			return do(by, func(tx *portal.Tx) error { return partners.EndMembership(t.Context(), tx, person) })
		}
		wants(t, name+": a viewer ends", end(viewer, admin.PersonID), portal.Forbidden)
		wants(t, name+": another partner's", end(other, viewer.PersonID), portal.NotFound)
		wants(t, name+": nobody", end(admin, uuid.New()), portal.NotFound)
		endFor := func(by portal.Caller, partner int64, person uuid.UUID) error {
			return p.AcrossPartners(t.Context(), by, portal.PeopleInvite, func(tx *portal.Tx) error { return partners.EndMembershipFor(t.Context(), tx, partner, person) })
		}
		wants(t, name+": a dealer for another", endFor(other, portaltest.Acme, viewer.PersonID), portal.Forbidden)
		wants(t, name+": a dealer's transaction", do(other, func(tx *portal.Tx) error {
			return partners.EndMembershipFor(t.Context(), tx, portaltest.Acme, viewer.PersonID)
		}), portal.Forbidden)
		s := partners.NewSessions(p.DB, partners.Limits{}, nil)
		cookie := start(t, p, s, viewer)
		if _, err := s.Resolve(t.Context(), cookie); err != nil {
			t.Errorf("%s: before: %v", name, err)
		}
		must(t, end(admin, viewer.PersonID))
		_, err := s.Resolve(t.Context(), cookie)
		wants(t, name+": on the next request", err, portal.Unauthenticated)
		wants(t, name+": ended twice", end(admin, viewer.PersonID), portal.NotFound)
		must(t, endFor(host, portaltest.Brock, other.PersonID))
		s.Close()
	}
}

func TestInvite(t *testing.T) {
	t.Parallel()
	for fence, p := range map[string]*portaltest.Portal{"row security": portaltest.New(t), "the predicates alone": portaltest.NewWithoutRowSecurity(t)} {
		admin := member(t, p, portaltest.Acme, "zoe", "partner-admin", "viewer")
		narrow := admin
		narrow.Sites = []string{"D101"}
		other := member(t, p, portaltest.Brock, "bo", "partner-admin", "viewer")
		manager := member(t, p, portaltest.Host, "hal", "partner-manager")
		for name, c := range map[string]struct {
			by   portal.Caller
			n    partners.New
			want portal.Kind
		}{
			"good":               {admin, partners.New{Email: " Kim@acme.example ", Roles: []string{"viewer"}}, -1},
			"for a site":         {admin, partners.New{Email: "k@acme.example", Roles: []string{"viewer"}, Sites: []string{"D101"}}, -1},
			"without the right":  {member(t, p, portaltest.Acme, "vic", "viewer"), partners.New{Email: "k@acme.example", Roles: []string{"viewer"}}, portal.Forbidden},
			"above oneself":      {admin, partners.New{Email: "k@acme.example", Roles: []string{"buyer"}}, portal.Forbidden},
			"a host's role":      {admin, partners.New{Email: "k@acme.example", Roles: []string{"auditor"}}, portal.Invalid},
			"no role":            {admin, partners.New{Email: "k@acme.example"}, portal.Invalid},
			"no mail":            {admin, partners.New{Email: "kim", Roles: []string{"viewer"}}, portal.Invalid},
			"two mails":          {admin, partners.New{Email: "a@b.example,c@d.example", Roles: []string{"viewer"}}, portal.Invalid},
			"look-alike mail":    {admin, partners.New{Email: "k@\u0430cme.example", Roles: []string{"viewer"}}, portal.Invalid},
			"another's site":     {admin, partners.New{Email: "k@acme.example", Roles: []string{"viewer"}, Sites: []string{"D200"}}, portal.Invalid},
			"no site":            {admin, partners.New{Email: "k@acme.example", Roles: []string{"viewer"}, Sites: []string{}}, portal.Invalid},
			"narrow, all sites":  {narrow, partners.New{Email: "k@acme.example", Roles: []string{"viewer"}}, portal.Forbidden},
			"narrow, other site": {narrow, partners.New{Email: "k@acme.example", Roles: []string{"viewer"}, Sites: []string{"D100"}}, portal.Forbidden},
			"too long":           {admin, partners.New{Email: "k@acme.example", Roles: []string{"viewer"}, ExpiresIn: 91 * 24 * time.Hour}, portal.Invalid},
			"over already":       {admin, partners.New{Email: "k@acme.example", Roles: []string{"viewer"}, ExpiresIn: -time.Hour}, portal.Invalid},
			"host, as a dealer":  {manager, partners.New{Email: "k@acme.example", Roles: []string{"viewer"}}, portal.Invalid},
			"host, above":        {manager, partners.New{Email: "k@acme.example", Roles: []string{"administrator"}}, portal.Forbidden},
			"host, itself":       {manager, partners.New{Email: "k@acme.example", Roles: []string{"partner-manager"}}, -1},
		} {
			err := p.Do(t.Context(), c.by, func(tx *portal.Tx) error {
				secret, i, err := partners.Invite(t.Context(), tx, c.n)
				if err == nil && (len(secret) != 43 || i.Email != strings.TrimSpace(c.n.Email)) {
					t.Errorf("%s: %q %+v", name, secret, i)
				}
				return err
			})
			wants(t, fence+": "+name, err, c.want)
		}
		inviteFor := func(by portal.Caller, partner int64, roles ...string) error {
			return p.AcrossPartners(t.Context(), by, portal.PeopleInvite, func(tx *portal.Tx) error {
				_, _, err := partners.InviteFor(t.Context(), tx, partner, partners.New{Email: "new@x.example", Roles: roles, Sites: nil})
				return err
			})
		}
		wants(t, "host for a dealer", inviteFor(manager, portaltest.Brock, "buyer"), -1)
		wants(t, "host for a dealer, a host's role", inviteFor(manager, portaltest.Brock, "administrator"), portal.Invalid)
		wants(t, "host for the host, above", inviteFor(manager, portaltest.Host, "administrator"), portal.Forbidden)
		wants(t, "host for nobody", inviteFor(manager, 99, "buyer"), portal.NotFound)
		wants(t, "a dealer", inviteFor(other, portaltest.Acme, "viewer"), portal.Forbidden)
		wants(t, "a dealer's transaction", p.Do(t.Context(), other, func(tx *portal.Tx) error {
			_, _, err := partners.InviteFor(t.Context(), tx, portaltest.Acme, partners.New{Email: "new@x.example", Roles: []string{"viewer"}})
			return err
		}), portal.Forbidden)

		var list []partners.Invitation
		must(t, p.Do(t.Context(), admin, func(tx *portal.Tx) (err error) { list, err = partners.Invitations(t.Context(), tx); return err }))
		if len(list) != 2 {
			t.Fatalf("%s: %d invitations, want 2", fence, len(list))
		}
		revoke := func(by portal.Caller) error {
			return p.Do(t.Context(), by, func(tx *portal.Tx) error { return partners.RevokeInvitation(t.Context(), tx, list[0].ID) })
		}
		wants(t, fence+": another partner's", revoke(other), portal.NotFound)
		wants(t, fence+": revoked", revoke(admin), -1)
		wants(t, fence+": twice", revoke(admin), portal.NotFound)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for fence, p := range map[string]*portaltest.Portal{"row security": portaltest.New(t), "the predicates alone": portaltest.NewWithoutRowSecurity(t)} {
		admin := member(t, p, portaltest.Acme, "zoe", "partner-admin", "viewer")
		viewer := member(t, p, portaltest.Acme, "vic", "viewer")
		other := member(t, p, portaltest.Brock, "bo", "partner-admin", "viewer")
		manager := member(t, p, portaltest.Host, "hal", "partner-manager")
		create := func(by portal.Caller, n partners.NewToken) (secret string, tk partners.Token, err error) {
			err = p.Do(t.Context(), by, func(tx *portal.Tx) error {
				secret, tk, err = partners.CreateToken(t.Context(), tx, n)
				return err
			})
			return secret, tk, err
		}
		read := []string{"orders:read"}
		for name, c := range map[string]struct {
			by   portal.Caller
			n    partners.NewToken
			want portal.Kind
		}{
			"good":              {admin, partners.NewToken{Name: "ERP", Permissions: read, ExpiresIn: time.Hour}, -1},
			"without the right": {viewer, partners.NewToken{Name: "x", Permissions: read, ExpiresIn: time.Hour}, portal.Forbidden},
			"above oneself":     {admin, partners.NewToken{Name: "x", Permissions: []string{"orders:export"}, ExpiresIn: time.Hour}, portal.Forbidden},
			"no such right":     {admin, partners.NewToken{Name: "x", Permissions: []string{"all"}, ExpiresIn: time.Hour}, portal.Invalid},
			"no right":          {admin, partners.NewToken{Name: "x", ExpiresIn: time.Hour}, portal.Invalid},
			"no name":           {admin, partners.NewToken{Name: " ", Permissions: read, ExpiresIn: time.Hour}, portal.Invalid},
			"name of two lines": {admin, partners.NewToken{Name: "a\nb", Permissions: read, ExpiresIn: time.Hour}, portal.Invalid},
			"for ever":          {admin, partners.NewToken{Name: "x", Permissions: read}, portal.Invalid},
			"two years":         {admin, partners.NewToken{Name: "x", Permissions: read, ExpiresIn: 2 * 366 * 24 * time.Hour}, portal.Invalid},
			"another's site":    {admin, partners.NewToken{Name: "x", Permissions: read, ExpiresIn: time.Hour, Sites: []string{"D200"}}, portal.Invalid},
		} {
			_, _, err := create(c.by, c.n)
			wants(t, fence+": "+name, err, c.want)
		}
		_, _, err := create(admin, partners.NewToken{Name: "erp", Permissions: read, ExpiresIn: time.Hour})
		wants(t, "the same name", err, portal.Conflict)

		tokens := partners.NewTokens(p.DB)
		ask := func(secret string) (portal.Caller, error) { return tokens.Resolve(t.Context(), secret) }
		secret, tk, err := create(admin, partners.NewToken{Name: "two", Permissions: read, ExpiresIn: time.Hour, Sites: []string{"D101", "D100"}})
		must(t, err)
		by, err := ask(secret)
		must(t, err)
		if by.PartnerID != portaltest.Acme || by.PartnerNumber != "D100" || by.Host || by.Perms != portal.Allow(portal.OrdersRead) || !slices.Equal(by.Sites, []string{"D100", "D101"}) || by.PersonID != uuid.Nil {
			t.Errorf("%s: the token is %+v", fence, by)
		}
		p.Pass(time.Hour)
		_, err = ask(secret)
		wants(t, "expired", err, portal.Unauthenticated)
		p.Pass(-time.Hour)
		revoke := func(by portal.Caller) error {
			return p.Do(t.Context(), by, func(tx *portal.Tx) error { return partners.RevokeToken(t.Context(), tx, tk.ID) })
		}
		wants(t, fence+": another partner's", revoke(other), portal.NotFound)
		wants(t, fence+": a viewer's", revoke(viewer), portal.Forbidden)
		_, err = ask(secret)
		must(t, err)
		wants(t, fence+": revoked", revoke(admin), -1)
		_, err = ask(secret)
		wants(t, "after that", err, portal.Unauthenticated)
		var list []partners.Token
		must(t, p.Do(t.Context(), admin, func(tx *portal.Tx) (err error) { list, err = partners.TokensOf(t.Context(), tx); return err }))
		if len(list) != 1 || list[0].Name != "ERP" {
			t.Errorf("%s: tokens %+v", fence, list)
		}

		must(t, p.AtTheDoor(t.Context(), func(tx *portal.Tx) error { // as the operator who sets the portal up
			tx.By = manager
			_, _, err := partners.CreateTokenFor(t.Context(), tx, portaltest.Brock, partners.NewToken{Name: "door", Permissions: read, Sites: []string{"D200"}, ExpiresIn: time.Hour})
			return err
		}))
		// The operator's belong to nobody; a person's end with them.
		var operators string
		must(t, p.AcrossPartners(t.Context(), manager, portal.PeopleInvite, func(tx *portal.Tx) (err error) {
			_, _, err = partners.CreateTokenFor(t.Context(), tx, portaltest.Acme, partners.NewToken{Name: "x", Permissions: []string{"partners:read"}, ExpiresIn: time.Hour})
			wants(t, "a host's right for a dealer", err, portal.Forbidden)
			operators, _, err = partners.CreateTokenFor(t.Context(), tx, portaltest.Acme, partners.NewToken{Name: "EDI", Permissions: []string{"orders:export"}, ExpiresIn: time.Hour})
			return err
		}))
		persons, _, err := create(admin, partners.NewToken{Name: "three", Permissions: read, ExpiresIn: time.Hour})
		must(t, err)
		if by, err := ask(persons); err != nil || !by.Perms.Has(portal.OrdersRead) {
			t.Fatalf("%v %v", by.Perms.Names(), err)
		}
		p.Arrange(t, `UPDATE memberships SET roles = '{partner-admin}' WHERE person_id = $1`, admin.PersonID)
		must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { tx.Changed("access", portaltest.Acme); return nil }))
		if by, err := ask(persons); err != nil || by.Perms != 0 {
			t.Errorf("%s: its maker may no longer, and it may %v, %v", fence, by.Perms.Names(), err)
		}
		must(t, p.AcrossPartners(t.Context(), manager, portal.PeopleInvite, func(tx *portal.Tx) error {
			return partners.EndMembershipFor(t.Context(), tx, portaltest.Acme, admin.PersonID)
		}))
		_, err = ask(persons)
		wants(t, "its maker's membership ended", err, portal.Unauthenticated)
		_, err = ask(operators)
		wants(t, "the operator's stays", err, -1)
		p.Arrange(t, `UPDATE partners SET closed_at = now() WHERE partner_id = 2`)
		follow(t, p)
		_, err = ask(operators)
		wants(t, "the partner is closed", err, portal.Unauthenticated)
		for deadline := time.Now().Add(2 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			var used int
			must(t, p.Owner.QueryRow(`SELECT count(*) FROM tokens WHERE last_used_at IS NOT NULL`).Scan(&used))
			if used == 3 {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("%d tokens have a last use, want 3", used)
				break
			}
		}
	}
}

// TestContacts_sites: a contact is limited to the sites that the core names for them, and follows when it names others.
func TestContacts_sites(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	s, tokens := partners.NewSessions(p.DB, partners.Limits{}, nil), partners.NewTokens(p.DB)
	t.Cleanup(s.Close)
	proof := partners.Proof{Issuer: issuer, Subject: "dana", Name: "Dana", Email: "dana@x.example"}
	admit := func() (cookie string) {
		t.Helper()
		must(t, p.AtTheDoor(t.Context(), func(tx *portal.Tx) error {
			person, partner, err := partners.Admit(t.Context(), tx, proof, nil)
			if err != nil {
				return err
			}
			cookie, _, err = s.Start(t.Context(), tx, proof, person, partner, "test", "")
			return err
		}))
		return cookie
	}
	contacts := func(rows string) {
		t.Helper()
		p.Arrange(t, `DELETE FROM contacts`)
		p.Arrange(t, `INSERT INTO contacts (partner_id, contact, site, name, email, may_log_on, changed_at) SELECT p, c, s, 'Dana', e, l, now() FROM (VALUES `+rows+`) AS v (p, c, s, e, l)`)
	}
	const invited = `, (2, 'n', 'D101', 'nora@x.example', true), (2, 'o', 'D101', 'oli@x.example', true)`
	contacts(`(2, 'a', 'D101', 'Dana@X.example', true)` + invited)
	cookie := admit()
	var secret string
	is := func(what string, want []string) {
		t.Helper()
		by, err := s.Resolve(t.Context(), cookie)
		must(t, err)
		if !slices.Equal(by.Sites, want) || (by.Sites == nil) != (want == nil) {
			t.Errorf("%s: the session sees the sites %q, want %q", what, by.Sites, want)
		}
		if secret == "" {
			return
		}
		by, err = tokens.Resolve(t.Context(), secret)
		must(t, err)
		if !slices.Equal(by.Sites, want) || (by.Sites == nil) != (want == nil) {
			t.Errorf("%s: the token sees the sites %q, want %q", what, by.Sites, want)
		}
	}
	is("one site", []string{"D101"})
	operator, invitee := member(t, p, portaltest.Acme, "oli", "viewer"), member(t, p, portaltest.Acme, "nora", "viewer")
	p.Arrange(t, `UPDATE memberships SET origin = 'invitation', sites = '{D100}' WHERE person_id = $1`, invitee.PersonID)
	// A token of theirs for all sites is limited with them.
	by, err := s.Resolve(t.Context(), cookie)
	must(t, err)
	by.Perms |= portal.Allow(portal.TokensManage)
	by.Sites = nil
	must(t, p.Do(t.Context(), by, func(tx *portal.Tx) (err error) {
		secret, _, err = partners.CreateToken(t.Context(), tx, partners.NewToken{Name: "x", Permissions: []string{"orders:read"}, ExpiresIn: time.Hour})
		return err
	}))
	is("and a token", []string{"D101"})
	for _, c := range []struct {
		what, rows string
		want       []string
	}{
		{"another site", `(2, 'a', 'D102', 'dana@x.example', true)`, []string{"D102"}},
		{"two sites, one of them twice", `(2, 'a', 'D102', 'dana@x.example', true), (2, 'b', 'D101', 'DANA@x.example', true), (2, 'c', 'D101', 'dana@x.example', true)`, []string{"D101", "D102"}},
		{"the head office among them", `(2, 'a', 'D102', 'dana@x.example', true), (2, 'b', 'D100', 'dana@x.example', true)`, nil},
		{"the head office, but no leave to log on", `(2, 'a', 'D102', 'dana@x.example', true), (2, 'b', 'D100', 'dana@x.example', false)`, []string{"D102"}},
		{"no site", `(2, 'a', NULL, 'dana@x.example', true)`, nil},
		{"an empty site", `(2, 'a', '', 'dana@x.example', true), (2, 'b', 'D101', 'dana@x.example', true)`, nil},
		{"no site at another partner", `(2, 'a', 'D101', 'dana@x.example', true), (3, 'b', NULL, 'dana@x.example', true)`, []string{"D101"}},
		{"no site of somebody else", `(2, 'a', 'D101', 'dana@x.example', true), (2, 'b', NULL, 'eve@x.example', true)`, []string{"D101"}},
	} {
		contacts(c.rows + invited)
		follow(t, p)
		is(c.what, c.want)
	}
	contacts(`(2, 'a', 'D100', 'dana@x.example', true)` + invited)
	cookie = admit()
	is("at the next sign-in", nil)
	contacts(`(2, 'a', 'D101', 'dana@x.example', true)` + invited)
	cookie = admit()
	is("and the one after", []string{"D101"})
	// A token for more than its maker may see shows what both may.
	p.Arrange(t, `UPDATE tokens SET sites = '{D102,D103}'`)
	follow(t, p)
	must(t, p.AsWorker(t.Context(), "test", func(tx *portal.Tx) error { tx.Changed("access", portaltest.Acme); return nil }))
	if by, err := tokens.Resolve(t.Context(), secret); err != nil || by.Sites == nil || len(by.Sites) != 0 {
		t.Errorf("a token for other sites than its maker's sees %q, %v, want none", by.Sites, err)
	}
	for person, want := range map[uuid.UUID]string{operator.PersonID: "", invitee.PersonID: "D100"} {
		var got string
		must(t, p.Owner.QueryRow(`SELECT coalesce(array_to_string(sites, ' '), '') FROM memberships WHERE person_id = $1`, person).Scan(&got))
		if got != want {
			t.Errorf("who came by no contact has the sites %q, want %q", got, want)
		}
	}
	// What changes nothing is no news.
	generation := func() (n int) {
		must(t, p.Owner.QueryRow(`SELECT sum(generation) FROM people`).Scan(&n))
		return n
	}
	before := generation()
	follow(t, p)
	if after := generation(); after != before {
		t.Errorf("following contacts that did not change made access %d from %d", after, before)
	}
	// The audit tells what was granted from the first.
	var told string
	must(t, p.Owner.QueryRow(`SELECT string_agg(detail::jsonb->>'sites', ', ' ORDER BY seq) FROM audit WHERE partner_id = 2 AND action = 'membership.grant' AND target = $1::text`, by.PersonID).Scan(&told))
	if want := "D101, D102, D101 D102, , D102, , D101, , D101"; told != want {
		t.Errorf("the audit tells of grants of %q, want %q", told, want)
	}
}

// TestSignIn_meetsContactsThatChange: a sign-in that read the contacts before they changed leaves nobody in.
func TestSignIn_meetsContactsThatChange(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	p.Arrange(t, `INSERT INTO contacts (partner_id, contact, name, email, may_log_on, changed_at) VALUES (2, 'a', 'Dana', 'dana@x.example', true, now())`)
	read, followed := make(chan struct{}), make(chan error, 1)
	go func() {
		<-read
		followed <- p.AsWorker(context.Background(), "contacts", func(tx *portal.Tx) error {
			if _, err := tx.Exec(context.Background(), `UPDATE contacts SET may_log_on = false`); err != nil {
				return err
			}
			return partners.FollowContacts(context.Background(), tx)
		})
	}()
	must(t, p.AtTheDoor(t.Context(), func(tx *portal.Tx) error {
		_, _, err := partners.Admit(t.Context(), tx, partners.Proof{Issuer: issuer, Subject: "dana", Name: "Dana", Email: "dana@x.example"}, nil)
		close(read)
		time.Sleep(300 * time.Millisecond)
		return err
	}))
	must(t, <-followed)
	var in int
	must(t, p.Owner.QueryRow(`SELECT count(*) FROM memberships WHERE ended_at IS NULL`).Scan(&in))
	if in != 0 {
		t.Error("a contact who may not log on stayed in")
	}
}

// TestPartner_renamed: who acts for a partner is told its name as it is now.
func TestPartner_renamed(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	s, tokens := partners.NewSessions(p.DB, partners.Limits{}, nil), partners.NewTokens(p.DB)
	t.Cleanup(s.Close)
	admin, other, staff := member(t, p, portaltest.Acme, "zoe", "partner-admin", "viewer"), member(t, p, portaltest.Brock, "bo", "viewer"), member(t, p, portaltest.Host, "hal", "administrator")
	cookie, others, staffs := start(t, p, s, admin), start(t, p, s, other), start(t, p, s, staff)
	var secret string
	must(t, p.Do(t.Context(), admin, func(tx *portal.Tx) (err error) {
		secret, _, err = partners.CreateToken(t.Context(), tx, partners.NewToken{Name: "x", Permissions: []string{"orders:read"}, ExpiresIn: time.Hour})
		return err
	}))
	is := func(who string, resolve func(context.Context, string) (portal.Caller, error), credential, want string) {
		t.Helper()
		by, err := resolve(t.Context(), credential)
		must(t, err)
		if got := by.PartnerName + " " + by.PartnerKind; got != want {
			t.Errorf("%s acts for %s, want %s", who, got, want)
		}
	}
	settled := func(name string) {
		t.Helper()
		is("the session", s.Resolve, cookie, name)
		is("the token", tokens.Resolve, secret, name)
		is("the other", s.Resolve, others, "Brock Wheels dealer")
	}
	time.Sleep(300 * time.Millisecond) // the news arrives, so that callers are remembered
	settled("Acme Tyres dealer")
	var before, after int
	must(t, p.Owner.QueryRow(`SELECT generation FROM people WHERE person_id = $1`, other.PersonID).Scan(&before))
	must(t, p.AsWorker(t.Context(), "partners", func(tx *portal.Tx) error {
		if _, err := tx.Exec(t.Context(), `UPDATE partners SET name = 'Acme Wheels', kind = 'supplier', changed_at = $1 WHERE partner_id = 2`, tx.Now); err != nil {
			return err
		}
		return partners.FollowContacts(t.Context(), tx)
	}))
	settled("Acme Wheels supplier")
	must(t, p.Owner.QueryRow(`SELECT generation FROM people WHERE person_id = $1`, other.PersonID).Scan(&after))
	if before != after {
		t.Error("the access of a partner's people changed with another partner's name")
	}
	is("staff", s.Resolve, staffs, "Hosting Tyres host")
	must(t, p.AsWorker(t.Context(), "host", func(tx *portal.Tx) error { return partners.NameHost(t.Context(), tx, "Hosting Wheels") }))
	is("staff", s.Resolve, staffs, "Hosting Wheels host")
}

// TestMadeUpIDs: what no portal can have written is refused without a question to the database, and what it could have, but has not, is not remembered.
func TestMadeUpIDs(t *testing.T) {
	t.Parallel()
	p := portaltest.New(t)
	s, tokens := partners.NewSessions(p.DB, partners.Limits{}, nil), partners.NewTokens(p.DB)
	t.Cleanup(s.Close)
	admin := member(t, p, portaltest.Acme, "zoe", "partner-admin", "viewer")
	cookie := start(t, p, s, admin)
	var token string
	must(t, p.Do(t.Context(), admin, func(tx *portal.Tx) (err error) {
		token, _, err = partners.CreateToken(t.Context(), tx, partners.NewToken{Name: "x", Permissions: []string{"orders:read"}, ExpiresIn: time.Hour})
		return err
	}))
	nowhere, cancel := context.WithCancel(t.Context())
	cancel() // a question to the database would fail as cancelled
	put := func(s string, at int, c string) string { return s[:at] + c + s[at+len(c):] }
	for what, c := range map[string]string{
		"another version of id": put(cookie, 14, "1"), "another variant": put(cookie, 19, "c"), "capital letters": strings.ToUpper(cookie[:36]) + cookie[36:],
		"a letter that is none": put(cookie, 40, "!"), "bits that are none": put(cookie, 79, "_"), "no id": put(cookie, 0, "zzzz"), "empty": "",
	} {
		_, err := s.Resolve(nowhere, c)
		wants(t, "cookie: "+what, err, portal.Unauthenticated)
	}
	for what, c := range map[string]string{
		"partner 0": put(token, 4, "aaaaaaaaaaaaa"), "a negative partner": put(token, 4, "7"), "capital letters": put(token, 60, "A"), "an id of another kind": put(token, 26, "a"), "empty": "",
		"bits that are none": put(token, 42, "7"),
	} {
		_, err := tokens.Resolve(nowhere, c)
		wants(t, "token: "+what, err, portal.Unauthenticated)
	}
	if _, err := s.Resolve(nowhere, put(cookie, 0, "0000")); !errors.Is(err, context.Canceled) {
		t.Errorf("an id that could be: %v, want a question to the database", err)
	}
	for range 3 {
		_, err := s.Resolve(t.Context(), put(cookie, 0, "0000"))
		wants(t, "nobody's cookie", err, portal.Unauthenticated)
		_, err = tokens.Resolve(t.Context(), put(token, 4, "aaaaaaaaa7"))
		wants(t, "a token of no partner", err, portal.Unauthenticated)
	}
	if _, err := s.Resolve(t.Context(), cookie); err != nil {
		t.Error(err)
	}
	if _, err := tokens.Resolve(t.Context(), token); err != nil {
		t.Error(err)
	}
}
