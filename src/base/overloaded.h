// std::visit over small functions: visit(Overloaded{[](A) {…}, [](B) {…}}, variant).
#pragma once

namespace parley::base {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

}  // namespace parley::base
