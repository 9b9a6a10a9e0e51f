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

/// Between what whoever submits a job may choose; `nil`: there is nothing to choose.
public struct Leeway: Sendable, Equatable {
    public var cpus: ClosedRange<Int>?
    /// Bytes.
    public var memory: ClosedRange<Int64>?
    public var time: ClosedRange<Instant.Span>?

    public init(
        cpus: ClosedRange<Int>? = nil, memory: ClosedRange<Int64>? = nil, time: ClosedRange<Instant.Span>? = nil
    ) {
        self.cpus = cpus
        self.memory = memory
        self.time = time
    }
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
    /// What whoever submits may choose of needs and time limit, which are what the form starts with then.
    public var leeway: Leeway

    public init(
        needs: Needs = .undeclared, timeLimit: Instant.Span? = nil, retries: Int = 0, isIdempotent: Bool = false,
        perUserLimit: Int? = nil, totalLimit: Int? = nil, leeway: Leeway = Leeway()
    ) {
        self.needs = needs
        self.timeLimit = timeLimit
        self.retries = retries
        self.isIdempotent = isIdempotent
        self.perUserLimit = perUserLimit
        self.totalLimit = totalLimit
        self.leeway = leeway
    }

    /// Those of a script that says nothing of the kind.
    public static let standard = Terms()
}
