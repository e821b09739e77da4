package web

import (
	"context"
	"encoding/json"
)

// scriptWords are what the scripts say, by the names that they have there. They put numbers where a %d stands.
func scriptWords(ctx context.Context) string {
	said := map[string]string{}
	for name, text := range map[string]Words{
		"now": "just now", "s": "%d\u00a0s ago", "min": "%d\u00a0min ago", "h": "%d\u00a0h ago", "days": "%d\u00a0days ago",
		"unsent": "That could not be sent", "again": "Load the page again, then try again.",
		"silent": "The portal does not answer", "connection": "Check your connection, then try again.", "old": "Check your connection, then try again. What you see may be out of date.",
		"many": "Too many requests", "wait": "Wait a moment, then try again.",
		"unshown": "That could not be shown", "tell": "Load the page again. If it stays, tell your contact at the host.",
		"lost": "%d pasted cells lie outside of this page and were left out. Use “From a spreadsheet” for more than a page.",
	} {
		said[name] = localeOf(ctx).Text(string(text))
	}
	b, _ := json.Marshal(said) // strings alone
	return string(b)
}
