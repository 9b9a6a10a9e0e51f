public import Linux

/// What a script needs of the machine while it runs, as far as its comments say.
public struct Needs: Sendable, Equatable {
    /// `nil`: it does not say.
    public var cpus: Int?
    /// Bytes; `nil`: it does not say.
    public var memory: Int64?

    public init(cpus: Int? = nil, memory: Int64? = nil) {
        self.cpus = cpus
        self.memory = memory
    }

    /// It says nothing.
    public static let undeclared = Needs()
}

/// On what terms jobs of a script are run: what they need, how long they may take, and what follows a failure.
public struct Terms: Sendable, Equatable {
    public var needs: Needs
    /// The longest that an attempt may run; `nil`: the script does not say.
    public var timeLimit: Instant.Span?
    /// How many further attempts follow when one fails.
    public var retries: Int
    /// Running it twice does no harm, so it may run again when nobody knows how an attempt ended.
    public var isIdempotent: Bool
    /// How many jobs of this script run at once: of one requester, and all together. `nil`: as many as fit.
    public var perUserLimit: Int?
    public var totalLimit: Int?

    public init(
        needs: Needs = .undeclared, timeLimit: Instant.Span? = nil, retries: Int = 0, isIdempotent: Bool = false,
        perUserLimit: Int? = nil, totalLimit: Int? = nil
    ) {
        self.needs = needs
        self.timeLimit = timeLimit
        self.retries = retries
        self.isIdempotent = isIdempotent
        self.perUserLimit = perUserLimit
        self.totalLimit = totalLimit
    }

    /// Those of a script that says nothing of the kind.
    public static let standard = Terms()
}
