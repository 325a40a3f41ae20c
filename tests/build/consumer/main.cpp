// A program outside the tree: what it can include and link is what an installed Neuract offers.
#include "neuract/memory/result.hpp"

#include <iostream>

int main() {
  const neuract::Result<int> answer = 42;
  std::cout << "neuract answers " << answer.value_or(0) << "\n";
  return answer.has_value() ? 0 : 1;
}
