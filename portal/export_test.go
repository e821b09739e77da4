package portal

// Remembered is how many generations the process keeps.
func (db *DB) Remembered() int {
	db.news.mu.RLock()
	defer db.news.mu.RUnlock()
	return len(db.news.generations)
}

// Hears reports whether answers may come from memory.
func (db *DB) Hears() bool { return db.news.hears() }

// What the host's lists of commands, of refused rows and of passes ask.
const (
	SendingsQuery = sendingsQuery
	RefusedQuery  = refusedQuery
	HistoryQuery  = historyQuery
)
