// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace sovren::engine {

/// Lambdas, one for each alternative that std::visit may meet.
template <class... Fs>
struct Overload : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overload(Fs...) -> Overload<Fs...>;

}  // namespace sovren::engine
