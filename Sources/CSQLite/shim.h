// The door to libsqlite3. Besides the header: typed callers for the variadic configuration calls that Swift cannot make.
#pragma once
#include <sqlite3.h>

static inline int csqlite_db_config_bool(sqlite3 *db, int verb, int value) {
    return sqlite3_db_config(db, verb, value, (int *)0);
}
