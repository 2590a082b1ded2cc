package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"
)

// S3Options say where a bucket is.
type S3Options struct {
	Bucket string // its name; it must exist
	// Prefix is put before every name, such as "candor/"; may be empty.
	Prefix string
	// Region such as eu-central-1. Default: as the environment says.
	Region string
	// Endpoint is the address of a server other than Amazon's, such as
	// https://minio.example.org; may be empty.
	Endpoint string
	// PathStyle puts the bucket's name into the path instead of the host's name,
	// as servers other than Amazon's mostly want it.
	PathStyle bool
	// AccessKey and SecretKey; where they are empty, the environment, the
	// credentials file and the machine's role are asked, in this order.
	AccessKey, SecretKey string
}

// S3 keeps files in a bucket. An object becomes visible when it is complete, and
// durable as the server promises.
type S3 struct {
	bucket *blob.Bucket
	prefix string
}

// OpenS3 opens a bucket, and makes sure that it can be reached.
func OpenS3(ctx context.Context, o S3Options) (*S3, error) {
	var load []func(*config.LoadOptions) error
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	if o.AccessKey != "" || o.SecretKey != "" {
		load = append(load, config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(o.AccessKey, o.SecretKey, "")))
	}
	settings, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	client := s3.NewFromConfig(settings, func(c *s3.Options) {
		c.UsePathStyle = o.PathStyle
		if o.Endpoint != "" {
			c.BaseEndpoint = aws.String(o.Endpoint)
			// Newer checksums are sent where they are wanted: not every server
			// knows them.
			c.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
			c.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
		}
	})
	bucket, err := s3blob.OpenBucket(ctx, client, o.Bucket, nil)
	if err != nil {
		return nil, fmt.Errorf("open bucket: %w", err)
	}
	if o.Prefix != "" {
		bucket = blob.PrefixedBucket(bucket, o.Prefix)
	}
	ok, err := bucket.IsAccessible(ctx)
	if err == nil && !ok {
		err = fmt.Errorf("bucket %q does not exist", o.Bucket)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open bucket: %w", err), bucket.Close())
	}
	return &S3{bucket, o.Prefix}, nil
}

// Close frees the connections.
func (s *S3) Close() error { return s.bucket.Close() }

// Put implements Store.
func (s *S3) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if there, err := s.bucket.Attributes(ctx, name); err == nil && there.Size == size {
		return nil
	}
	if err := s.write(ctx, name, r, size); err != nil {
		return fmt.Errorf("put blob %s: %w", name, err)
	}
	return nil
}

func (s *S3) write(ctx context.Context, name string, r io.Reader, size int64) error {
	// A writer whose context ends before it is closed leaves nothing behind.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := s.bucket.NewWriter(ctx, name, &blob.WriterOptions{
		ContentType: ContentType(name), DisableContentTypeDetection: true,
		// Content never changes under its name.
		CacheControl: "public, max-age=31536000, immutable",
	})
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, &exactly{r, size}); err != nil {
		cancel()
		_ = w.Close() // says that it was cancelled
		return err
	}
	return w.Close()
}

// Open implements Store.
func (s *S3) Open(ctx context.Context, name string) (io.ReadSeekCloser, ObjectInfo, error) {
	if err := CheckName(name); err != nil {
		return nil, ObjectInfo{}, err
	}
	r, err := s.bucket.NewReader(ctx, name, nil)
	if gcerrors.Code(err) == gcerrors.NotFound {
		return nil, ObjectInfo{}, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	if err != nil {
		return nil, ObjectInfo{}, fmt.Errorf("open blob: %w", err)
	}
	return r, ObjectInfo{Name: name, Size: r.Size(), ContentType: ContentType(name), Modified: r.ModTime()}, nil
}

// Delete implements Store. A bucket that keeps versions keeps old ones until its
// own rules remove them.
func (s *S3) Delete(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := s.bucket.Delete(ctx, name); err != nil && gcerrors.Code(err) != gcerrors.NotFound {
		return fmt.Errorf("delete blob: %w", err)
	}
	return nil
}

// List implements Store.
func (s *S3) List(ctx context.Context, prefix, after string) iter.Seq2[ObjectInfo, error] {
	return func(yield func(ObjectInfo, error) bool) {
		objects := s.bucket.List(&blob.ListOptions{Prefix: prefix, BeforeList: func(as func(any) bool) error {
			var request *s3.ListObjectsV2Input
			if after != "" && as(&request) {
				request.StartAfter = aws.String(s.prefix + after)
			}
			return nil
		}})
		for {
			o, err := objects.Next(ctx)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(ObjectInfo{}, fmt.Errorf("list blobs: %w", err))
				return
			}
			// A server may not know where to start.
			if o.Key <= after || CheckName(o.Key) != nil {
				continue
			}
			if !yield(ObjectInfo{Name: o.Key, Size: o.Size, ContentType: ContentType(o.Key), Modified: o.ModTime}, nil) {
				return
			}
		}
	}
}
