#include "neuract/config/command.hpp"

int main(int argc, char** argv) { return static_cast<int>(neuract::config::run_command_line(argc, argv)); }
