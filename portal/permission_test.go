package portal_test

import (
	"testing"

	"extranet/portal"
)

// TestPermission_words: each permission has a name and words of its own, and those that are its own.
func TestPermission_words(t *testing.T) {
	seen := map[string]bool{"": true}
	for p := range portal.AllPermissions() {
		if seen[p.String()] || seen[p.Words()] {
			t.Errorf("permission %d is called %q and means %q", p, p, p.Words())
		}
		seen[p.String()], seen[p.Words()] = true, true
	}
	for p, want := range map[portal.Permission][2]string{
		portal.OrdersRead: {"orders:read", "see orders and shipments"}, portal.TokensManage: {"tokens:manage", "make and revoke API tokens"},
		portal.AuditRead: {"audit:read", "read the log"}, portal.FiguresRead: {"figures:read", "see who uses what"},
	} {
		if p.String() != want[0] || p.Words() != want[1] {
			t.Errorf("%q means %q, want %q", p, p.Words(), want)
		}
	}
}
