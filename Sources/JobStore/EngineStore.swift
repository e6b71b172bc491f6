/// All that an engine asks of its store. Each of its parts takes the protocol that it uses.
package protocol EngineStore: JobStore, JobReports, LaneStore, LimitStore, DeliveryStore, ClockStore {}
