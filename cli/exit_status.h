// What the program tells the shell. The numbers are documented in `tokenscaler --help`.
#pragma once

namespace tokenscaler::cli {

enum class ExitStatus : int {
  Done = 0,
  BadInput = 1,     ///< A manifest is wrong or cannot be read.
  Usage = 2,        ///< The command line is wrong.
  Unreachable = 3,  ///< Prometheus or the target's state could not be read.
  Defect = 70,      ///< A defect of this program (EX_SOFTWARE).
};

}  // namespace tokenscaler::cli
