package accounts

// StandingQuery is what [Standing] asks the database.
const StandingQuery = standing
