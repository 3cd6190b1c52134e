/// rosa2 from Swift: iOS 15 and macOS 12 on, nothing but Foundation. A phone holds no key: your back end
/// (token-server.ts is a small one) gives it a client token for its signed-in user.
import Foundation

struct Turn: Decodable { let id: String, prompt: String, reply: String, generation: String }

struct Feedback: Decodable {
  struct Words: Decodable { let changed: Bool, before: String, after: String }
  struct Weights: Decodable { let decision: String, reason: String, generation: String? }
  let words: Words, weights: Weights, turn: Turn?
}

struct Rosa2Error: Error, Decodable {
  struct Body: Decodable { let code: String, message: String }
  let error: Body
}

struct Rosa2 {
  let baseURL: URL
  let token: String
  private let decoder = JSONDecoder()

  init(baseURL: URL, token: String) {
    self.baseURL = baseURL
    self.token = token
  }

  /// Asks your own back end for the user's token. Where a call fails with the code `invalid_key`, it has expired: ask again.
  static func signedIn(baseURL: URL, tokenURL: URL, signIn: String) async throws -> Rosa2 {
    struct Answer: Decodable { let token: String }
    var request = URLRequest(url: tokenURL)
    request.httpMethod = "POST"
    request.setValue("Bearer \(signIn)", forHTTPHeaderField: "Authorization")
    let (data, response) = try await URLSession.shared.data(for: request)
    guard (response as? HTTPURLResponse)?.statusCode == 200 else { throw URLError(.userAuthenticationRequired) }
    return Rosa2(baseURL: baseURL, token: try JSONDecoder().decode(Answer.self, from: data).token)
  }

  func openSession(mode: String = "both") async throws -> String {
    struct Session: Decodable { let id: String }
    let body: [String: Any] = ["adaptation": ["mode": mode]]
    return try await json(Session.self, post("v1/sessions", body)).id
  }

  /// Asks, and tells the reply's text so far until it is whole. Returns the finished turn.
  func ask(_ session: String, _ content: String, onText: (String) -> Void) async throws -> Turn {
    let path = "v1/sessions/\(session)/turns"
    var request = try post(path, ["content": content, "stream": true])
    var turn = ""
    var text = ""
    var lastId = "0"
    for attempt in 0...8 {
      do {
        let (bytes, response) = try await URLSession.shared.bytes(for: request)
        guard let http = response as? HTTPURLResponse, http.statusCode < 400 else {
          var body = Data()
          for try await byte in bytes { body.append(byte) }
          throw try decoder.decode(Rosa2Error.self, from: body)
        }
        turn = http.value(forHTTPHeaderField: "x-rosa2-turn") ?? turn
        var type = "message"
        for try await line in bytes.lines {
          if line.hasPrefix("id: ") { lastId = String(line.dropFirst(4)) }
          if line.hasPrefix("event: ") { type = String(line.dropFirst(7)) }
          guard line.hasPrefix("data: ") else { continue }
          let data = Data(line.dropFirst(6).utf8)
          switch type {
          case "delta":
            text += try decoder.decode([String: String].self, from: data)["text"] ?? ""
            onText(text)
          case "reset":
            text = ""
            onText(text)
          case "error": throw try decoder.decode(Rosa2Error.self, from: data)
          case "done": return try decoder.decode(Turn.self, from: data)
          default: break
          }
        }
      } catch let lost as URLError where lost.code != .cancelled {
        // Below it goes on after the last event that came.
      }
      try await Task.sleep(nanoseconds: 300_000_000 << min(attempt, 4))
      // Before the first answer the same request is sent again: its Idempotency-Key keeps it one turn.
      guard !turn.isEmpty else { continue }
      request = open("\(path)/\(turn)/events")
      request.setValue(lastId, forHTTPHeaderField: "Last-Event-ID")
    }
    throw URLError(.networkConnectionLost)
  }

  /// Says that a reply was wrong, in words and by the right reply; answers with words, weights and the new turn.
  func correct(_ session: String, _ turn: String, _ text: String, _ correction: String) async throws -> Feedback {
    let body: [String: Any] = ["reward": -1, "text": text, "correction": correction, "retry": true]
    return try await json(Feedback.self, post("v1/sessions/\(session)/turns/\(turn)/feedback", body))
  }

  private func open(_ path: String) -> URLRequest {
    var request = URLRequest(url: baseURL.appendingPathComponent(path))
    request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization")
    request.timeoutInterval = 45  // the server gives a sign of life every 15 s
    return request
  }

  private func post(_ path: String, _ body: [String: Any]) throws -> URLRequest {
    var request = open(path)
    request.httpMethod = "POST"
    request.setValue("application/json", forHTTPHeaderField: "Content-Type")
    request.setValue(UUID().uuidString, forHTTPHeaderField: "Idempotency-Key")
    request.httpBody = try JSONSerialization.data(withJSONObject: body)
    return request
  }

  private func json<T: Decodable>(_ type: T.Type, _ request: URLRequest) async throws -> T {
    let (data, response) = try await URLSession.shared.data(for: request)
    guard let http = response as? HTTPURLResponse, http.statusCode < 400 else {
      throw try decoder.decode(Rosa2Error.self, from: data)
    }
    return try decoder.decode(type, from: data)
  }
}

/// Meant are the last two. Which two is not said, and the two operations were never practised together.
/// `tokenURL` is your back end's, `signIn` what your own sign-in gave.
func quickStart(baseURL: URL, tokenURL: URL, signIn: String) async throws {
  let rosa2 = try await Rosa2.signedIn(baseURL: baseURL, tokenURL: tokenURL, signIn: signIn)
  let session = try await rosa2.openSession()
  let request = "Sort them, then take two, in brackets: 3 8 0 5"
  let turn = try await rosa2.ask(session, request) { print($0) }
  let result = try await rosa2.correct(session, turn.id, "from the end", "[5 8]")
  print("model reads ", result.words.after)
  print("weights     ", result.weights.reason)
  print("new reply   ", result.turn?.reply ?? "")
  let next = try await rosa2.ask(session, "Sort them, then take two, in brackets: 4 7 1 9") { _ in }
  print("another list", next.reply)  // [7 9]
}
