public import SQLite

/// Which program opens the database, and so which tables it may touch in which way. SQLite enforces it.
public enum Role: Sendable, CaseIterable {
    case home, login, signup, account, submit, jobs, files, worker, mailer, cleaner
    /// The admin's command.
    case admin

    /// The rights of this program.
    public var permissions: Permissions {
        switch self {
        case .home: Permissions(Role.signedIn.merging(Role.jobReading) { $1 })
        case .login: Permissions(["users": [.read, .update], "sessions": .all])
        case .signup: Permissions(["users": [.read, .insert], "sessions": .all])
        case .account: Permissions(["users": [.read, .update], "sessions": .all, "group_members": .read])
        case .submit:
            Permissions(
                Role.signedIn.merging(Role.jobReading) { $1 }.merging([
                    "files": [.read, .insert], "script_copies": [.read, .insert], "jobs": [.read, .insert],
                    "job_parameters": [.read, .insert], "job_dependencies": [.read, .insert],
                    "events": [.read, .insert], "sweeps": [.read, .insert],
                    "group_members": .read,
                ]) { $1 })
        case .jobs:
            // A queued job is cancelled by the page itself, with its event and its mail; a running one only by a wish.
            Permissions(
                Role.signedIn.merging(Role.jobReading) { $1 }.merging([
                    "jobs": [.read, .update], "events": [.read, .insert], "mails": [.read, .insert],
                    "sweeps": [.read, .update], "group_members": .read,
                ]) { $1 })
        case .files:
            // A job that is over forgets a file that its requester deletes.
            Permissions(
                Role.signedIn.merging(Role.jobReading) { $1 }.merging([
                    "files": .all, "job_parameters": [.read, .update],
                ]) { $1 })
        case .worker:
            Permissions([
                "users": [.read, .update], "files": .read, "script_copies": .read, "jobs": [.read, .update],
                "job_parameters": .read, "job_dependencies": .read, "attempts": [.read, .insert, .update],
                "events": [.read, .insert],
                "mails": [.read, .insert], "workers": [.read, .insert, .update], "queue": [.read, .update],
                "sweeps": [.read, .update], "group_members": .read,
            ])
        case .mailer: Permissions(["mails": [.read, .update], "jobs": .read])
        case .cleaner:
            Permissions([
                "users": .read, "sessions": [.read, .delete], "files": [.read, .delete],
                "script_copies": [.read, .delete], "jobs": [.read, .delete],
                // A file that goes is forgotten by the parameters of past jobs.
                "job_parameters": [.read, .update, .delete], "job_dependencies": [.read, .delete],
                "attempts": [.read, .delete], "events": [.read, .delete], "mails": [.read, .delete],
                "sweeps": [.read, .delete],
            ])
        case .admin:
            Permissions([
                "users": .all, "sessions": .all, "files": .all, "script_copies": .all, "jobs": .all,
                "job_parameters": .all, "job_dependencies": .all, "attempts": .all, "events": .all, "mails": .all,
                "workers": .read, "queue": [.read, .update], "sweeps": .all,
                "group_members": .all,
            ])
        }
    }

    /// Knowing who asks: reading, and at most every ten minutes a new last-seen time.
    private static let signedIn: [String: Permissions.Verbs] = ["users": .read, "sessions": [.read, .update]]
    /// Showing jobs.
    private static let jobReading: [String: Permissions.Verbs] = [
        "jobs": .read, "job_parameters": .read, "attempts": .read, "events": .read, "mails": .read, "files": .read,
        "queue": .read, "sweeps": .read, "job_dependencies": .read,
    ]
}
