internal import Linux

/// Becomes an ordinary user for good.
enum Identity {
    /// The numbers of a user and its group.
    ///
    /// - Throws: ``Advice`` when there is no such user or it is root itself.
    static func find(_ name: String) throws(Advice) -> (number: uid_t, group: gid_t) {
        guard let entry = getpwnam(name) else {
            throw Advice("there is no user \(name) on this machine; choose another by RUN_AS=", status: EX_NOUSER)
        }
        guard entry.pointee.pw_uid != 0 else {
            throw Advice("nothing of ScriptRunner runs as root; choose an ordinary user by RUN_AS=")
        }
        return (entry.pointee.pw_uid, entry.pointee.pw_gid)
    }

    /// Drops root's rights and keeps none to go back to.
    static func become(_ user: uid_t, _ group: gid_t) throws(SystemError) {
        var groups = group
        guard setgroups(1, &groups) == 0, setresgid(group, group, group) == 0, setresuid(user, user, user) == 0 else {
            throw SystemError("setresuid", "\(user)")
        }
        precondition(setuid(0) != 0, "root's rights can be had back")
    }
}
