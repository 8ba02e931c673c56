// How many files, and so connections, the process may have open.
#pragma once

namespace tokenscaler::engine {

/// Raises the soft limit on open files to the hard one. Each stream takes a descriptor, and the
/// usual soft limit of 1024 stands only for programs that use select(). Call it at the start of
/// main; a limit that cannot be raised stays as it is.
void raise_open_file_limit();

}  // namespace tokenscaler::engine
