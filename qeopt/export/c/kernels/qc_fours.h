/* Products for depthwise convolutions: a window of four channels, all beginning at a byte and in order. */
#ifndef QC_FOURS_H
#define QC_FOURS_H

#include "qc_words.h"

static QC_INLINE void qc_fours_of(const uint8_t *values, const uint8_t *weights, const qc_window *window, int32_t *sums,
                                  const int bits, const int is_signed, const int weight_bits) {
  const uint32_t step = window->step, weight_step = window->weight_step;
  const int32_t *biases = window->biases;
  uint32_t pass;
  for (pass = window->passes; pass; pass--, values += bits / 2, weights += weight_bits / 2, biases += 4, sums += 4) {
    const uint8_t *line = values, *weight_line = weights;
    int32_t a = biases[0], b = biases[1], c = biases[2], d = biases[3];
    uint32_t row, tap;
    for (row = window->rows; row; row--, line += window->row_step, weight_line += window->weight_row_step) {
      const uint8_t *value = line, *weight = weight_line;
      for (tap = window->taps; tap; tap--, value += step, weight += weight_step)
        qc_products(qc_unpack(qc_four(value, bits), is_signed), qc_four(weight, weight_bits), &a, &b, &c, &d);
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
  }
}

#define QC_FOURS(bits, weight_bits)                                                                                            \
  void qc_fours_##bits##_##weight_bits(const uint8_t *values, const uint8_t *weights, const qc_window *window, int32_t *sums) { \
    if (window->is_signed) qc_fours_of(values, weights, window, sums, bits, 1, weight_bits);                                   \
    else qc_fours_of(values, weights, window, sums, bits, 0, weight_bits);                                                     \
  }

#endif
