/// `URLSession.bytes(for:)` and its `lines`: Foundation lacks them on Linux, and the example compiles there as it stands.
@_exported import Foundation
@_exported import FoundationNetworking

extension URLSession {
  func bytes(for request: URLRequest) async throws -> (Bytes, URLResponse) {
    let receiver = Receiver()
    let session = URLSession(configuration: .default, delegate: receiver, delegateQueue: nil)
    defer { session.finishTasksAndInvalidate() }
    let response = try await withCheckedThrowingContinuation {
      receiver.answered = $0
      session.dataTask(with: request).resume()
    }
    return (Bytes(chunks: receiver.chunks), response)
  }
}

/// The body as it comes: chunks until the task is complete or has failed.
private final class Receiver: NSObject, URLSessionDataDelegate, @unchecked Sendable {
  let (chunks, sink) = AsyncThrowingStream<Data, Error>.makeStream()
  /// Waits for the head of the response.
  var answered: CheckedContinuation<URLResponse, Error>?

  func urlSession(
    _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
    completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
  ) {
    answered?.resume(returning: response)
    answered = nil
    completionHandler(.allow)
  }

  func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
    sink.yield(data)
  }

  func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: Error?) {
    if let error { answered?.resume(throwing: error) }
    answered = nil
    sink.finish(throwing: error)
  }
}

struct Bytes: AsyncSequence, AsyncIteratorProtocol {
  private var chunks: AsyncThrowingStream<Data, Error>.Iterator
  private var chunk = Data().makeIterator()

  init(chunks: AsyncThrowingStream<Data, Error>) { self.chunks = chunks.makeAsyncIterator() }
  func makeAsyncIterator() -> Bytes { self }
  var lines: Lines { Lines(bytes: self) }

  mutating func next() async throws -> UInt8? {
    while true {
      if let byte = chunk.next() { return byte }
      guard let more = try await chunks.next() else { return nil }
      chunk = more.makeIterator()
    }
  }
}

struct Lines: AsyncSequence, AsyncIteratorProtocol {
  var bytes: Bytes

  func makeAsyncIterator() -> Lines { self }

  mutating func next() async throws -> String? {
    var line = Data()
    while let byte = try await bytes.next() {
      if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
      line.append(byte)
    }
    return line.isEmpty ? nil : String(decoding: line, as: UTF8.self)
  }
}
