/// Runs the example's conversation, and prints how it failed.
let env = ProcessInfo.processInfo.environment
do {
  try await quickStart(
    baseURL: URL(string: env["ROSA2_URL"]!)!, tokenURL: URL(string: env["TOKEN_URL"]!)!, signIn: env["SIGN_IN"]!)
} catch let refused as Rosa2Error {
  print("refused     ", refused.error.code)
} catch let failed as URLError where failed.code == .userAuthenticationRequired {
  print("not signed in")
}
