package web

import "time"

// A SessionRow is one place where the person is signed in.
type SessionRow struct {
	ID        string
	Device    string // "Firefox on Windows"
	Phone     bool
	ActingFor string // the partner, where it is another than here
	Started   time.Time
	LastSeen  time.Time
	Ends      time.Time // at the latest
	Current   bool
}

func (r SessionRow) icon() Icon {
	if r.Phone {
		return IconPhone
	}
	return IconDesktop
}

func otherSessions(rows []SessionRow) bool {
	for _, r := range rows {
		if !r.Current {
			return true
		}
	}
	return false
}

var sessionColumns = struct{ Device, Started, LastSeen, Ends, Action Column }{
	Column{Label: "Device"}, Column{Label: "Started"}, Column{Label: "Last seen"}, Column{Label: "Ends"}, Column{Label: "End the session", Quiet: true},
}
