package cluster

import (
	"context"
	"fmt"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// tokenLifetime of ServiceAccountToken, longer than any test or demo.
const tokenLifetime = 24 * time.Hour

// Config is for a client that may do everything, without a rate limit.
func (c *Cluster) Config() *rest.Config { return c.ConfigFor(c.adminToken) }

// ConfigFor is for a client that bears token, without a rate limit.
func (c *Cluster) ConfigFor(token string) *rest.Config {
	return &rest.Config{
		Host:            c.Server(),
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CAData: c.ca.certPEM},
		QPS:             -1,
	}
}

// Client is a typed client with the rights of Config.
func (c *Cluster) Client() (kubernetes.Interface, error) {
	all, err := c.admin()
	if err != nil {
		return nil, err
	}
	return all.typed, nil
}

// WriteKubeconfig writes a kubeconfig for the bearer of token; "" means the
// administrator.
func (c *Cluster) WriteKubeconfig(path, token string) error {
	if token == "" {
		token = c.adminToken
	}
	config := clientcmdapi.NewConfig()
	config.Clusters[c.Name] = &clientcmdapi.Cluster{Server: c.Server(), CertificateAuthorityData: c.ca.certPEM}
	config.AuthInfos[c.Name] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts[c.Name] = &clientcmdapi.Context{Cluster: c.Name, AuthInfo: c.Name}
	config.CurrentContext = c.Name
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("cluster %s: writing a kubeconfig: %w", c.Name, err)
	}
	return nil
}

// ServiceAccountToken has the API server issue a token of a ServiceAccount, with
// exactly the rights that its role bindings give, valid for a day.
func (c *Cluster) ServiceAccountToken(ctx context.Context, namespace, name string) (string, error) {
	all, err := c.admin()
	if err != nil {
		return "", err
	}
	seconds := int64(tokenLifetime / time.Second)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: &seconds}}
	issued, err := all.typed.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, name, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("cluster %s: token of ServiceAccount %s/%s: %w", c.Name, namespace, name, err)
	}
	return issued.Status.Token, nil
}
