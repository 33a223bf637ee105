// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "jobs/training/bpe_merges.h"

namespace sovren::jobs {

struct TrainedBpe {
  std::vector<BpeMerge> merges;
  std::int64_t bytes = 0;   ///< of the texts
  std::int64_t tokens = 0;  ///< that the texts have with these merges
};

/// Learns merges from texts: again and again, the two tokens that stand beside each other most
/// often within a word become one. Of equally frequent pairs that with the smallest left token
/// wins, then that with the smallest right token. Ends after merges_max, or when no pair is there
/// twice. The same texts in any order and cut into files in any way between words give the same
/// merges. Of a word of more than 1024 bytes, each 1024 bytes count as a word.
///
/// Cost     per merge, the words that have the pair; the counts of pairs are kept up to date.
/// Source   Sennrich, Haddow, Birch: Neural machine translation of rare words with subword units
/// (ACL 2016), algorithm 1, over bytes as in Radford et al. 2019.
TrainedBpe train_bpe(std::span<const std::string_view> texts, int merges_max);

}  // namespace sovren::jobs
