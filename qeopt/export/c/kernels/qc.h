/* Kernels for networks whose tensors have 2, 4 or 8 bits. C99; no heap, no variables, nothing but <stdint.h> and <string.h>.
 *
 * Tensors lie by rows, columns, channels; values are packed densely, the first one in the low bits of a byte. Weights lie by output
 * channel, then rows, columns and input channels of the window (qc_dots.h says in which order the latter are packed); those of
 * convolutions without dots by fours of output channels, a weight of each beside those of the others; those of depthwise convolutions by
 * rows, columns, channels. Sums are exact. A sum with its bias times a multiplier of 31 bits is a product of 64 bits; divided by a power of
 * two it is rounded to the nearest integer, halves to even, and clipped to the range of the output.
 */
#ifndef QC_H
#define QC_H

#include <stdint.h>
#include <string.h>

typedef struct qc_layer qc_layer;
typedef void qc_kernel(const qc_layer *layer, uint8_t *const *memory);

/* What one run of values is multiplied with: `passes` times the weights of four output channels, which lie `apart` bytes from each other.
 * Sums go on from those at `from`. */
typedef struct {
  uint32_t count, apart, passes, is_signed;
  const int32_t *from;
} qc_run;
/* Sums the products of a run with the weights of each channel. */
typedef void qc_dots(const uint8_t *values, const uint8_t *weights, const qc_run *run, int32_t *sums);

/* The part of a window that lies inside of the input, bytes from one tap or row to the next, and for how many times four channels. */
typedef struct {
  uint32_t rows, taps, step, row_step, weight_step, weight_row_step, passes, is_signed;
  const int32_t *biases;
} qc_window;
/* Sums the products of each channel with weights of its own, and its bias. */
typedef void qc_fours(const uint8_t *values, const uint8_t *weights, const qc_window *window, int32_t *sums);

/* A tensor in memory. `region` is an index into the memories that the caller hands over, `offset` counts bytes from its start. */
typedef struct {
  uint32_t offset;
  uint8_t region, bits, is_signed, unused;
} qc_tensor;

/* One step. What a kernel does not read is zero. */
struct qc_layer {
  qc_kernel *run;
  union {
    qc_dots *dots;
    qc_fours *fours;
  } by; /* what multiplies, for the widths of values and weights; none where runs of these begin inside of a byte, or are short */
  const uint8_t *weights;
  const int32_t *scales; /* with weights: the biases of all channels, as large as sums are, then multipliers; else multipliers */
  const uint8_t *shifts; /* one for each multiplier: 1 to 62 */
  qc_tensor in, in2, out;
  uint32_t channels_in; /* a dense layer is a convolution of a single position that reads all values as channels */
  uint16_t height_in, width_in, height, width, channels;
  uint16_t kernel_height, kernel_width, groups, first_channel;
  int16_t low, high; /* the range of the output, within that of its function */
  uint8_t stride_height, stride_width, top, left, dilation_height, dilation_width;
  uint8_t weight_bits;
  uint8_t is_joined; /* the places of a row of the window follow each other in values and weights */
};

#endif
