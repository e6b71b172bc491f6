internal import HTTPSupport
internal import JobEngine
internal import JobModel
internal import JobStore

/// Looks a job up for an exchange: on the event loop where that takes microseconds, else in a task.
enum StatusLook {
    /// - Parameter then: called on the event loop, before this returns or later.
    static func look(
        _ engine: JobEngine, _ exchange: HTTPExchange, at id: JobID, as viewer: Viewer, _ parts: JobParts,
        then: @escaping @Sendable (Result<JobLookup, StoreError>) -> Void
    ) {
        do throws(StoreError) {
            if let lookup = try engine.look(at: id, as: viewer, including: parts) { return then(.success(lookup)) }
        } catch {
            return then(.failure(error))
        }
        Task {
            let result: Result<JobLookup, StoreError>
            do throws(StoreError) {
                result = .success(try await engine.job(id, as: viewer, including: parts))
            } catch {
                result = .failure(error)
            }
            exchange.post { then(result) }
        }
    }
}
