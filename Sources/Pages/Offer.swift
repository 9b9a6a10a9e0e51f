import Accounts
import Linux
import Scripts

/// The scripts as pages know them: what a visitor may not use does not exist for them.
struct Offer {
    private let catalogue: Catalogue
    private let groups: GroupStore

    init(_ catalogue: Catalogue, _ groups: GroupStore) {
        self.catalogue = catalogue
        self.groups = groups
    }

    /// All that the visitor may use, by name.
    func scripts(for visitor: Visitor) throws -> [Script] {
        let all = try catalogue.scripts()
        // Most sites have none that is not for everybody, and many scripts take a while to copy.
        guard all.contains(where: { $0.access != nil }) else { return all }
        return try all.filter { try mayUse($0, visitor) }
    }

    /// The script of this name, if it is offered now and the visitor may use it.
    func script(named name: String, for visitor: Visitor) throws -> Script? {
        guard let script = catalogue.script(named: name), try mayUse(script, visitor) else { return nil }
        return script
    }

    private func mayUse(_ script: Script, _ visitor: Visitor) throws -> Bool {
        guard let access = script.access else { return true }
        return try access.admits(visitor.user.email) {
            try visitor.membership.groups { try groups.groups(of: visitor.user.id) }
        }
    }

    // MARK: Of a script that a visitor may use

    /// See ``Catalogue/snapshot(of:)``.
    func snapshot(of script: Script) -> (content: [UInt8], hash: [UInt8])? { catalogue.snapshot(of: script) }

    /// See ``Catalogue/openExample(_:of:of:)``.
    func openExample(_ path: String, of parameter: Parameter, of script: Script) -> Descriptor? {
        catalogue.openExample(path, of: parameter, of: script)
    }
}

/// The groups of who asks: looked up once in a request, and only when a script is not for everybody.
final class Membership {
    private var known: Set<GroupName>?

    func groups(_ find: () throws -> Set<GroupName>) rethrows -> Set<GroupName> {
        if let known { return known }
        let found = try find()
        known = found
        return found
    }
}
